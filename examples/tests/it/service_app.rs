//! The program signs in as a service app.

use okta_source::simulator::{OAuthApp, OktaSimulator};

use super::program::{Ended, World, start};

fn file(name: &str) -> String {
    format!(
        "{}/../okta-source/tests/keys/{name}",
        env!("CARGO_MANIFEST_DIR")
    )
}

/// The usual world, but its org knows a service app and no token of ours.
async fn world(app: impl FnOnce(OAuthApp) -> OAuthApp) -> World {
    let mut world = World::new().await;
    let keys = std::fs::read_to_string(file("public.jwks.json")).unwrap();
    let known = OAuthApp::with_keys("0oa1service", &keys).unwrap();
    world.org = OktaSimulator::builder()
        .token("00-not-ours")
        .oauth_app(app(known))
        .rate_limit(100_000)
        .build();
    world.org_server = world.org.serve().await.unwrap();
    world
}

async fn run(world: &World, key: &str, kid: &str, flags: &[&str]) -> Ended {
    let mut variables = world.variables();
    variables.remove("OKTA_API_TOKEN");
    variables.insert("OKTA_API_CLIENT_ID", "0oa1service".into());
    variables.insert("OKTA_API_PRIVATE_KEY", key.into());
    variables.insert("OKTA_API_PRIVATE_KEY_ID", kid.into());
    variables.insert("OKTA_API_SCOPES", "okta.logs.read".into());
    Ended::of(start(world.folder.path(), &variables, flags)).await
}

#[tokio::test]
async fn a_backlog_is_delivered_with_a_key_in_place_of_a_token() {
    let text = std::fs::read_to_string(file("p384.pkcs8.pem")).unwrap();
    for (key, kid) in [(file("rsa.pkcs1.pem"), "rsa"), (text, "p384")] {
        let world = world(|app| app).await;
        let events = world.backlog(1_500);
        let ended = run(&world, &key, kid, &["--once"]).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        world.assert_all_once(&events);
        let ledger = world.org.ledger();
        assert_eq!(ledger.last().unwrap().scheme.as_deref(), Some("DPoP"));
    }
}

#[tokio::test]
async fn a_check_says_what_a_service_app_lacks() {
    let key = file("rsa.pkcs8.pem");
    let powerless = world(OAuthApp::without_role).await;
    let unscoped = world(|app| app.granted([])).await;
    let good = world(|app| app).await;
    for (world, kid, words) in [
        (&powerless, "rsa", "Read-only or Report Administrator role"),
        (&unscoped, "rsa", "grant okta.logs.read"),
        (&good, "other", "OKTA_API_PRIVATE_KEY_ID"),
        (&good, "p256", "private key does not belong"),
    ] {
        let ended = run(world, &key, kid, &["--check"]).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
        assert!(!ended.stderr.contains("MII"), "{}", ended.stderr);
    }
}
