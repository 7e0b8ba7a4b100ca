//! Faults of a network over loopback, and what the client says about each.

mod proxy;
mod settings;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use http::Request;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::client::ReqwestTransport;
use super::tls::over_http1;
use crate::transport::{Transport, TransportError};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// Serves one connection.
fn serve(conversation: impl FnOnce(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || conversation(listener.accept().unwrap().0));
    address
}

/// Reads what there is, answers, and reads until the client closes.
fn answer(mut stream: impl Read + Write, answer: &[u8]) -> std::io::Result<()> {
    let _ = stream.read(&mut [0; 4096])?;
    stream.write_all(answer)?;
    stream.flush()?;
    stream.read_to_end(&mut Vec::new()).map(drop)
}

/// Where nothing listens.
fn closed_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// A certificate authority for tests.
struct Authority {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap().der().clone();
        let issuer = Issuer::new(params, key);
        Self {
            certificate,
            issuer,
        }
    }

    /// A server with a certificate for `host`, of which the validity may be changed.
    fn server(&self, host: &str, change: fn(&mut CertificateParams)) -> SocketAddr {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([host.to_owned()]).unwrap();
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        tls_server(certificate.der().clone(), &key)
    }

    fn pem(&self) -> String {
        let text = BASE64_STANDARD.encode(&self.certificate);
        format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
    }

    /// A client that trusts this authority only.
    fn client(&self) -> ReqwestTransport {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        ReqwestTransport::with_tls(over_http1(config))
    }
}

fn tls_server(certificate: CertificateDer<'static>, key: &KeyPair) -> SocketAddr {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    serve(move |stream| {
        let connection = ServerConnection::new(Arc::new(config)).unwrap();
        // The client may refuse the certificate, and then there is nothing to answer.
        answer(StreamOwned::new(connection, stream), OK).ok();
    })
}

async fn call(client: &ReqwestTransport, url: &str) -> Result<u16, TransportError> {
    let request = Request::post(url).body(Bytes::from_static(b"{}")).unwrap();
    let response = client.call(request).await?;
    Ok(response.status().as_u16())
}

/// The message of a request that fails, which begins and ends as told.
async fn assert_message(client: &ReqwestTransport, url: &str, parts: &[&str]) {
    let error = call(client, url).await.unwrap_err();
    let message = error.to_string();
    for part in parts {
        assert!(message.contains(part), "{message}");
    }
    assert_plain(&message);
    assert!(std::error::Error::source(&error).is_some(), "{message}");
}

/// No name of a type or variant, such as `UnknownIssuer`, and no struct.
fn assert_plain(message: &str) {
    let code = |pair: &[u8]| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase();
    assert!(!message.as_bytes().windows(2).any(code), "{message}");
    assert!(!message.contains(['{', '[']), "{message}");
}

#[tokio::test]
async fn certificate_of_a_trusted_authority_is_accepted() {
    let authority = Authority::new("trusted");
    let server = authority.server("127.0.0.1", |_| {});
    let status = call(&authority.client(), &format!("https://{server}/")).await;
    assert_eq!(status.unwrap(), 200);
}

#[tokio::test]
async fn certificate_errors_name_the_cause_and_what_to_do() {
    let authority = Authority::new("trusted");
    let client = authority.client();
    let server = Authority::new("other").server("127.0.0.1", |_| {});
    let parts = [
        &format!(
            "the certificate of {server} is signed by an authority that this machine does not trust"
        ),
        "SSL_CERT_FILE replaces the roots of the system",
    ];
    assert_message(&client, &format!("https://{server}/"), &parts).await;

    let server = Authority::new("trusted").server("127.0.0.1", |_| {});
    let parts = [
        "is not signed by the key of the authority that this machine trusts under the signer's name",
        "SSL_CERT_FILE replaces the roots of the system",
    ];
    assert_message(&client, &format!("https://{server}/"), &parts).await;

    let server = authority.server("127.0.0.1", |params| {
        params.not_after = date_time_ymd(2020, 2, 1)
    });
    let parts = [
        "expired on 2020-02-01T00:00:00Z",
        "the clock of this machine says 20",
    ];
    assert_message(&client, &format!("https://{server}/"), &parts).await;

    let server = authority.server("127.0.0.1", |params| {
        params.not_before = date_time_ymd(2999, 2, 1)
    });
    let parts = ["is valid from 2999-02-01T00:00:00Z on", "check the clock"];
    assert_message(&client, &format!("https://{server}/"), &parts).await;

    let server = authority.server("a.example", |_| {});
    let parts = ["is for a.example; check the host name"];
    assert_message(&client, &format!("https://{server}/"), &parts).await;

    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let server = tls_server(params.self_signed(&key).unwrap().der().clone(), &key);
    let parts = ["self-signed"];
    assert_message(&client, &format!("https://{server}/"), &parts).await;
}

#[tokio::test]
async fn tls_to_a_plain_port_and_plain_http_to_a_tls_port_are_told_apart() {
    let authority = Authority::new("trusted");
    let plain = serve(|stream| {
        answer(
            stream,
            b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n",
        )
        .ok();
    });
    let parts = [
        &format!("{plain} does not answer with TLS"),
        "check the port",
    ];
    assert_message(&authority.client(), &format!("https://{plain}/"), &parts).await;

    let tls = authority.server("127.0.0.1", |_| {});
    let parts = [
        &format!("{tls} answers with something other than HTTP"),
        "write `https://`",
    ];
    assert_message(&authority.client(), &format!("http://{tls}/"), &parts).await;
}

#[tokio::test]
async fn unreachable_server_is_named_with_what_to_check() {
    let client = ReqwestTransport::new();
    let address = closed_port();
    let parts = [
        &format!("{address} refuses connections"),
        "check the host and the port",
    ];
    assert_message(&client, &format!("http://{address}/"), &parts).await;

    // No resolver asks the network for a label of more than 63 characters.
    let name = format!("{}.example", "x".repeat(64));
    let parts = [
        &format!("the name {name} cannot be resolved ("),
        "check its spelling",
    ];
    assert_message(&client, &format!("http://{name}/"), &parts).await;

    let silent = serve(|mut stream| {
        stream.read_to_end(&mut Vec::new()).ok();
    });
    let client = Authority::new("trusted").client();
    tokio::time::pause();
    let said = format!("{silent} did not complete a connection within 10 s");
    assert_message(&client, &format!("https://{silent}/"), &[&said]).await;
}

#[tokio::test]
async fn connection_that_ends_is_said_to_be_reset_or_closed() {
    let client = ReqwestTransport::new();
    let reset = serve(|stream| {
        // Closing with bytes that were not read resets the connection.
        stream.peek(&mut [0]).unwrap();
    });
    let parts = [&format!("{reset}, or "), "reset the connection"];
    assert_message(&client, &format!("http://{reset}/"), &parts).await;

    let closed = serve(|mut stream| {
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
    });
    let parts = [
        &format!("{closed}, or "),
        "closed the connection without a complete answer",
    ];
    assert_message(&client, &format!("http://{closed}/"), &parts).await;

    let client = Authority::new("trusted").client();
    let closed = serve(|mut stream| {
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
    });
    assert_message(&client, &format!("https://{closed}/"), &parts[1..]).await;
}

#[tokio::test]
async fn certificate_of_an_added_authority_is_trusted_beside_those_of_the_system() {
    let authority = Authority::new("added");
    let server = authority.server("127.0.0.1", |_| {});
    let builder = ReqwestTransport::builder()
        .root_certificates("--ca-file", authority.pem().as_bytes())
        .unwrap();
    let status = call(&builder.build(), &format!("https://{server}/")).await;
    assert_eq!(status.unwrap(), 200);
    let other = Authority::new("other").server("127.0.0.1", |_| {});
    let parts = ["is signed by an authority that this machine does not trust"];
    assert_message(&builder.build(), &format!("https://{other}/"), &parts).await;
}

#[test]
fn root_certificates_that_are_none_are_refused() {
    let cut = &Authority::new("cut").pem()[..200];
    let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (pem, part) in [
        ("", "has no certificate"),
        ("a key", "has no certificate"),
        (cut, "cannot be read"),
        (damaged, "certificate 1 in it is damaged"),
    ] {
        let builder = ReqwestTransport::builder().root_certificates("--ca-file", pem.as_bytes());
        let text = builder.unwrap_err().to_string();
        assert!(text.contains("--ca-file") && text.contains(part), "{text}");
    }
}
