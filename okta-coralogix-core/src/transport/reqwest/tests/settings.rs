//! Root certificates in place of the system's, and the time to connect.

use std::io::Read;
use std::time::Duration;

use super::{Authority, assert_message, call, serve};
use crate::transport::ReqwestTransport;

const DAMAGED: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

#[tokio::test]
async fn certificates_in_place_of_the_roots_of_the_system_are_trusted_with_added_ones() {
    let [named, added] = [Authority::new("named"), Authority::new("added")];
    let file = format!("# old\n{DAMAGED}{}", named.pem());
    let in_place = || {
        let builder = ReqwestTransport::builder().certificate_setting("--ca-file");
        builder.root_certificates_in_place("AWS_CA_BUNDLE", file.as_bytes())
    };
    let builder = in_place().unwrap();
    let server = named.server("127.0.0.1", |_| {});
    let status = call(&builder.build(), &format!("https://{server}/")).await;
    assert_eq!(status.unwrap(), 200);
    let parts = [
        "add its certificate to the file of AWS_CA_BUNDLE, which is used in place of the roots of the system",
        "by --ca-file",
    ];
    let server = added.server("127.0.0.1", |_| {});
    assert_message(&builder.build(), &format!("https://{server}/"), &parts).await;

    let certificate = added.pem();
    let both = builder.root_certificates("--ca-file", certificate.as_bytes());
    let before = ReqwestTransport::builder().root_certificates("--ca-file", certificate.as_bytes());
    let reversed = before
        .unwrap()
        .root_certificates_in_place("AWS_CA_BUNDLE", file.as_bytes());
    for builder in [both.unwrap(), reversed.unwrap()] {
        for authority in [&named, &added] {
            let server = authority.server("127.0.0.1", |_| {});
            let status = call(&builder.build(), &format!("https://{server}/")).await;
            assert_eq!(status.unwrap(), 200);
        }
    }
}

#[test]
fn file_in_place_of_the_roots_needs_a_certificate_that_can_be_used() {
    for pem in ["", "a key", DAMAGED] {
        let builder = ReqwestTransport::builder();
        let builder = builder.root_certificates_in_place("AWS_CA_BUNDLE", pem.as_bytes());
        let text = builder.unwrap_err().to_string();
        let expected = "AWS_CA_BUNDLE: it has no certificate that can be used; write a PEM file";
        assert!(text.contains(expected), "{text}");
    }
}

#[tokio::test]
async fn connection_that_takes_longer_than_was_said_is_given_up() {
    // It accepts, and never answers the TLS handshake.
    let silent = serve(|mut stream| drop(stream.read_to_end(&mut Vec::new())));
    let authority = Authority::new("any").pem();
    let builder = ReqwestTransport::builder().connect_timeout(Duration::from_millis(50));
    let builder = builder.root_certificates("--ca-file", authority.as_bytes());
    let client = builder.unwrap().build();
    let parts = [&*format!(
        "no connection: {silent} did not complete a connection within 0.05 s"
    )];
    assert_message(&client, &format!("https://{silent}/"), &parts).await;
}

#[tokio::test]
async fn excepted_host_is_asked_without_the_proxy() {
    use crate::transport::ProxySettings;
    let proxy = ProxySettings::url("--proxy", &"http://127.0.0.1:1".into()).unwrap();
    let builder = ReqwestTransport::builder().proxy(proxy);
    let expected = "the proxy 127.0.0.1:1 (of --proxy) refuses connections";
    assert_message(&builder.build(), "http://a.invalid/", &[expected]).await;
    let excepted = builder.except("a.invalid").build();
    let parts = ["the name a.invalid cannot be resolved"];
    assert_message(&excepted, "http://a.invalid/", &parts).await;
}
