//! The program signs in as a service app.

use okta_source::simulator::{OAuthApp, OktaSimulator};

use super::harness::{Exit, Harness, start};

fn file(name: &str) -> String {
    format!(
        "{}/../okta-source/tests/keys/{name}",
        env!("CARGO_MANIFEST_DIR")
    )
}

/// The usual harness, but its org accepts a service app and not our API token.
async fn service_app(app: impl FnOnce(OAuthApp) -> OAuthApp) -> Harness {
    let mut harness = Harness::new().await;
    let keys = std::fs::read_to_string(file("public.jwks.json")).unwrap();
    let known = OAuthApp::with_keys("0oa1service", &keys).unwrap();
    harness.org = OktaSimulator::builder()
        .token("00-not-ours")
        .oauth_app(app(known))
        .rate_limit(100_000)
        .build();
    harness.org_server = harness.org.serve().await.unwrap();
    harness
}

async fn run(harness: &Harness, key: &str, kid: &str, flags: &[&str]) -> Exit {
    let mut variables = harness.variables();
    variables.remove("OKTA_API_TOKEN");
    variables.insert("OKTA_API_CLIENT_ID", "0oa1service".into());
    variables.insert("OKTA_API_PRIVATE_KEY", key.into());
    variables.insert("OKTA_API_PRIVATE_KEY_ID", kid.into());
    variables.insert("OKTA_API_SCOPES", "okta.logs.read".into());
    Exit::of(start(harness.folder.path(), &variables, flags)).await
}

#[tokio::test]
async fn service_app_delivers_a_backlog_with_a_key_and_no_token() {
    let text = std::fs::read_to_string(file("p384.pkcs8.pem")).unwrap();
    for (key, kid) in [(file("rsa.pkcs1.pem"), "rsa"), (text, "p384")] {
        let harness = service_app(|app| app).await;
        let events = harness.backlog(1_500);
        let ended = run(&harness, &key, kid, &["--once"]).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        harness.assert_all_once(&events);
        let ledger = harness.org.requests();
        assert_eq!(ledger.last().unwrap().scheme.as_deref(), Some("DPoP"));
    }
}

#[tokio::test]
async fn check_names_the_scope_or_role_a_service_app_lacks() {
    let key = file("rsa.pkcs8.pem");
    let powerless = service_app(OAuthApp::without_role).await;
    let unscoped = service_app(|app| app.granted([])).await;
    let good = service_app(|app| app).await;
    for (harness, kid, words) in [
        (&powerless, "rsa", "Read-only or Report Administrator role"),
        (&unscoped, "rsa", "grant okta.logs.read"),
        (&good, "other", "OKTA_API_PRIVATE_KEY_ID"),
        (&good, "p256", "private key does not belong"),
    ] {
        let ended = run(harness, &key, kid, &["--check"]).await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
        assert!(!ended.stderr.contains("MII"), "{}", ended.stderr);
    }
}
