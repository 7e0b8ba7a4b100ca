//! What a program says about a connection that cannot be made, and that it needs no root certificates for plain http.

use super::harness::{Exit, Harness, start};

/// No root certificates.
const NOWHERE: [(&str, &str); 2] = [
    ("SSL_CERT_FILE", "/nowhere/ca.pem"),
    ("SSL_CERT_DIR", "/nowhere"),
];

#[tokio::test]
async fn loopback_http_endpoint_works_without_root_certificates() {
    let harness = Harness::new().await;
    let events = harness.backlog(10);
    let mut variables = harness.variables();
    variables.extend(NOWHERE.map(|(name, value)| (name, value.to_owned())));
    let ended = Exit::of(start(harness.folder.path(), &variables, &["--once"])).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    harness.assert_all_once(&events);
}

#[tokio::test]
async fn https_endpoint_without_root_certificates_exits_with_2() {
    let harness = Harness::new().await;
    for changed in [
        ("CORALOGIX_ENDPOINT", "https://ingress.eu2.coralogix.com"),
        ("OKTA_ORG_URL", "https://acme.okta.com"),
    ] {
        let mut variables = harness.variables();
        let changes = NOWHERE.into_iter().chain([changed]);
        variables.extend(changes.map(|(name, value)| (name, value.to_owned())));
        let ended = Exit::of(start(harness.folder.path(), &variables, &["--once"])).await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        for part in [
            r#"SSL_CERT_FILE is "/nowhere/ca.pem""#,
            "no root certificate",
            "replaces the roots of the system",
        ] {
            assert!(ended.stderr.contains(part), "{}", ended.stderr);
        }
    }
}

#[tokio::test]
async fn gave_up_and_log_lines_name_the_cause_without_debug_output() {
    let mut harness = Harness::new().await;
    harness.backlog(10);
    harness.ingress_server.stop().await;
    let mut variables = harness.variables();
    variables.insert("RUST_LOG", "debug,hyper_util=off,reqwest=off".into());
    let flags = ["--once", "--give-up-after", "1s"];
    let ended = Exit::of(start(harness.folder.path(), &variables, &flags)).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let address = harness.ingress_server.address();
    let last = ended.stderr.lines().last().unwrap();
    let cause = format!(
        "error: gave up: nothing was accepted or settled for 1 s; the last fault: no connection to {address}: {address} refuses \
         connections; check the host and the port"
    );
    assert!(last.starts_with(&cause), "{last}");
    assert!(ended.stderr.contains("retry_in="), "{}", ended.stderr);
    for debug in ["Some(", "None", "os error", "Connect", "Error", " { "] {
        assert!(!ended.stderr.contains(debug), "{debug}: {}", ended.stderr);
    }
}
