//! `pull` in a company's network: Okta and Coralogix lie behind its forward proxy.

use std::collections::HashMap;

use super::proxy::{CREDENTIALS, InspectingProxy};
use crate::harness::{Exit, Harness, TOKEN, start};

const OKTA: &str = "acme.okta.com";
const INGRESS: &str = "ingress.eu2.coralogix.com";

/// The simulators behind a proxy, and the variables of a run through it.
async fn behind_proxy() -> (Harness, InspectingProxy, HashMap<&'static str, String>) {
    let harness = Harness::new().await;
    let proxy = InspectingProxy::new(HashMap::from([
        (OKTA, harness.org_server.address()),
        (INGRESS, harness.ingress_server.address()),
    ]))
    .await;
    let ca_file = harness.folder.path().join("proxy.pem");
    std::fs::write(&ca_file, &proxy.authority).unwrap();
    let mut variables = harness.variables();
    variables.remove("CORALOGIX_ENDPOINT");
    variables.extend([
        ("OKTA_ORG_URL", format!("https://{OKTA}")),
        ("CORALOGIX_DOMAIN", "EU2".to_owned()),
        ("HTTPS_PROXY", proxy.url(CREDENTIALS)),
        ("OKTA_CORALOGIX_CA_FILE", ca_file.display().to_string()),
    ]);
    (harness, proxy, variables)
}

#[tokio::test]
async fn pull_works_through_a_proxy_that_inspects_tls() {
    let (harness, proxy, variables) = behind_proxy().await;
    let events = harness.backlog(50);
    let ended = Exit::of(start(harness.folder.path(), &variables, &["--once"])).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    harness.assert_all_once(&events);
    let asked = proxy.asked();
    assert!(asked.iter().any(|host| host == OKTA), "{asked:?}");
    assert!(asked.iter().any(|host| host == INGRESS), "{asked:?}");
}

#[tokio::test]
async fn orgs_of_a_file_go_through_the_proxy() {
    let (harness, proxy, mut variables) = behind_proxy().await;
    let events = harness.backlog(50);
    for name in [
        "OKTA_ORG_URL",
        "OKTA_API_TOKEN",
        "CORALOGIX_DOMAIN",
        "CORALOGIX_SUBSYSTEM",
    ] {
        variables.remove(name);
    }
    variables.insert("TOKEN", TOKEN.to_owned());
    let file = format!(
        "[coralogix]\ndomain = \"EU2\"\napi_key = {{ env = \"CORALOGIX_API_KEY\" }}\n\n\
         [[integration]]\nname = \"acme\"\norg_url = \"https://{OKTA}\"\napi_token = {{ env = \"TOKEN\" }}\nsubsystem = \"acme\"\n"
    );
    std::fs::write(harness.folder.path().join("orgs.toml"), file).unwrap();
    let flags = ["--config", "orgs.toml", "--once"];
    let ended = Exit::of(start(harness.folder.path(), &variables, &flags)).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    harness.assert_all_once(&events);
    assert!(!proxy.asked().is_empty());
}

#[tokio::test]
async fn proxy_that_refuses_is_named_with_its_setting_and_no_password() {
    let (harness, proxy, mut variables) = behind_proxy().await;
    harness.backlog(5);
    let address = proxy.address;
    variables.insert("HTTPS_PROXY", proxy.url("user:hunter3"));
    let flags = ["--once", "--give-up-after", "1s"];
    let ended = Exit::of(start(harness.folder.path(), &variables, &flags)).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let named = format!(
        "the proxy {address} (of HTTPS_PROXY) wants a user name and a password, or refuses those that it got (407)"
    );
    assert!(ended.stderr.contains(&named), "{}", ended.stderr);
    assert!(!ended.stderr.contains("hunter"), "{}", ended.stderr);
}

#[tokio::test]
async fn authority_that_is_not_trusted_is_named_with_what_to_do() {
    let (harness, _proxy, mut variables) = behind_proxy().await;
    variables.remove("OKTA_CORALOGIX_CA_FILE");
    let flags = ["--once", "--give-up-after", "1s"];
    let ended = Exit::of(start(harness.folder.path(), &variables, &flags)).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for part in [
        "is signed by an authority that this machine does not trust, as a proxy that inspects TLS does",
        "--ca-file",
    ] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
}

#[tokio::test]
async fn direct_ignores_the_proxy_of_the_environment() {
    let harness = Harness::new().await;
    let events = harness.backlog(5);
    let mut variables = harness.variables();
    variables.insert("HTTPS_PROXY", "http://127.0.0.1:1".to_owned());
    variables.insert("ALL_PROXY", "http://127.0.0.1:1".to_owned());
    // Loopback never goes through a proxy, with `direct` or without.
    for flags in [&["--once"][..], &["--once", "--proxy", "direct"]] {
        let ended = Exit::of(start(harness.folder.path(), &variables, flags)).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    harness.assert_all_once(&events);
}
