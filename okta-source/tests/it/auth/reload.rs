//! Credentials that change while the source runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use okta_coralogix_core::checkpoint::CheckpointStore;
use okta_coralogix_core::{Error, ErrorKind, Result, Secret};
use okta_source::simulator::{Fault, OAuthApp};
use okta_source::{ApiToken, Credentials, OktaSource, OktaSourceBuilder, ServiceApp};

use super::{CLIENT, harness, harness_with, key_file, registered, statuses};
use crate::harness::{Harness, ORG, TOKEN, failed, given, numbers, settle};

/// A folder for the files of one test.
pub(super) struct SecretFolder(PathBuf);

impl SecretFolder {
    pub(super) fn new(test: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    pub(super) fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }
}

impl Drop for SecretFolder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

fn builder(
    harness: &Harness,
    read: impl Fn() -> Result<Credentials> + Send + Sync + 'static,
) -> OktaSourceBuilder {
    OktaSource::builder()
        .org_url(ORG)
        .credentials_from(read)
        .unwrap()
        .checkpoint(Arc::clone(&harness.store) as Arc<dyn CheckpointStore>)
        .clock(Arc::clone(&harness.clock))
        .transport(Arc::new(harness.org.clone()))
}

/// Reads the variables as a program does.
fn variables(pairs: Vec<(&'static str, String)>) -> impl Fn() -> Result<Credentials> {
    move || {
        Credentials::from_env(|name| {
            let (_, value) = pairs.iter().find(|(known, _)| *known == name)?;
            Some(value.into())
        })
    }
}

fn token(text: &str) -> Result<Credentials> {
    let token = ApiToken::parse(&Secret::from(text));
    Ok(token.map_err(|error| Error::config("token", error))?.into())
}

#[tokio::test(start_paused = true)]
async fn mended_token_file_is_read_and_tried_at_once() {
    let folder = SecretFolder::new("mended_token");
    let file = folder.write("token", TOKEN);
    let harness = Harness::new();
    harness.append(0..1_200);
    let read = variables(vec![("OKTA_API_TOKEN_FILE", file)]);
    let mut source = builder(&harness, read).open().await.unwrap();
    settle(given(&mut source).await).await.unwrap();
    harness.org.replace_token("00n3w");
    let error = failed(&mut source).await;
    assert_eq!(
        error.kind(),
        ErrorKind::Unauthorized,
        "the file is as it was"
    );
    folder.write("token", "00n3w\n");
    let delivery = given(&mut source).await;
    assert_eq!(numbers(&delivery), (1_000..1_200).collect::<Vec<_>>());
    settle(delivery).await.unwrap();
    assert_eq!(statuses(&harness).1, [200, 401, 401, 200]);
    source.check().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn mended_private_key_file_gets_a_token_at_once() {
    for variable in ["OKTA_API_PRIVATE_KEY", "OKTA_API_PRIVATE_KEY_FILE"] {
        let folder = SecretFolder::new(&format!("mended_{variable}"));
        let file = folder.write("key", &key_file("other.pkcs8.pem"));
        let harness = harness();
        harness.append(0..3);
        let read = variables(vec![
            ("OKTA_API_CLIENT_ID", CLIENT.to_owned()),
            (variable, file),
            ("OKTA_API_PRIVATE_KEY_ID", "rsa".to_owned()),
        ]);
        let mut source = builder(&harness, read).open().await.unwrap();
        let error = failed(&mut source).await;
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
        folder.write("key", &key_file("rsa.pkcs8.pem"));
        assert_eq!(numbers(&given(&mut source).await), [0, 1, 2]);
    }
}

#[tokio::test(start_paused = true)]
async fn mended_client_secret_replaces_the_access_token() {
    let folder = SecretFolder::new("mended_secret");
    let file = folder.write("secret", "old");
    let harness = harness_with(|org| org.oauth_app(OAuthApp::with_secret(CLIENT, "old")));
    harness.append(0..1_200);
    let read = variables(vec![
        ("OKTA_API_CLIENT_ID", CLIENT.to_owned()),
        ("OKTA_API_CLIENT_SECRET_FILE", file),
    ]);
    let mut source = builder(&harness, read).open().await.unwrap();
    settle(given(&mut source).await).await.unwrap();
    harness
        .org
        .replace_app(OAuthApp::with_secret(CLIENT, "new"));
    harness.org.revoke_tokens();
    folder.write("secret", "new");
    let delivery = given(&mut source).await;
    assert_eq!(numbers(&delivery), (1_000..1_200).collect::<Vec<_>>());
    settle(delivery).await.unwrap();
    let requests = statuses(&harness);
    assert_eq!(requests.1, [200, 401, 200]);
    assert_eq!(
        requests.0.iter().filter(|status| **status == 401).count(),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn credential_that_loses_its_role_is_read_anew() {
    let reads = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&reads);
    let harness = harness_with(|org| {
        org.oauth_app(registered().without_role())
            .token("00good")
            .another_token("00poor")
    });
    harness.append(0..3);
    let read = move || match counted.fetch_add(1, Ordering::Relaxed) {
        0 => Ok(super::app().into()),
        1 => token("00poor"),
        _ => token("00good"),
    };
    let mut source = builder(&harness, read).open().await.unwrap();
    harness
        .org
        .script_times(1, Fault::Status(403, r#"{"errorCode":"E0000006"}"#.into()));
    harness
        .org
        .script_times(1, Fault::Status(403, r#"{"errorCode":"E0000006"}"#.into()));
    let error = failed(&mut source).await;
    assert_eq!(error.kind(), ErrorKind::Forbidden, "once for each refusal");
    assert_eq!(reads.load(Ordering::Relaxed), 2);
    assert_eq!(numbers(&given(&mut source).await), [0, 1, 2]);
    assert_eq!(statuses(&harness).1, [403, 403, 200]);
}

#[tokio::test(start_paused = true)]
async fn credential_is_not_read_anew_for_a_gateway() {
    let reads = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&reads);
    let harness = Harness::new();
    let read = move || {
        counted.fetch_add(1, Ordering::Relaxed);
        token(TOKEN)
    };
    let mut source = builder(&harness, read).open().await.unwrap();
    for status in [401, 403, 407, 503] {
        harness.org.script(Fault::web_page(status, "Log in"));
        failed(&mut source).await;
    }
    assert_eq!(reads.load(Ordering::Relaxed), 1);
    harness.org.replace_token("00n3w");
    failed(&mut source).await;
    assert_eq!(reads.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn credential_that_cannot_be_read_anew_stays() {
    let folder = SecretFolder::new("unreadable");
    let file = folder.write("token", TOKEN);
    let harness = Harness::new();
    harness.append(0..1);
    let read = variables(vec![("OKTA_API_TOKEN_FILE", file.clone())]);
    let mut source = builder(&harness, read).open().await.unwrap();
    let refusal = r#"{"errorCode":"E0000011"}"#;
    harness.org.script(Fault::Status(401, refusal.into()));
    std::fs::remove_file(file).unwrap();
    assert_eq!(failed(&mut source).await.kind(), ErrorKind::Unauthorized);
    assert_eq!(numbers(&given(&mut source).await), [0]);
}

#[tokio::test(start_paused = true)]
async fn new_key_signs_by_the_clock_that_is_known() {
    let folder = SecretFolder::new("clock");
    let file = folder.write("key", &key_file("p384.jwk.json"));
    let harness = harness_with(|org| {
        org.oauth_app(registered())
            .clock_skew(chrono::TimeDelta::hours(2))
    });
    let read = variables(vec![
        ("OKTA_API_CLIENT_ID", CLIENT.to_owned()),
        ("OKTA_API_PRIVATE_KEY", file),
    ]);
    let source = builder(&harness, read).open().await.unwrap();
    source.check().await.unwrap();
    let before = statuses(&harness).0.len();
    folder.write("key", &key_file("p521.jwk.json"));
    let refusal = r#"{"error":"invalid_client","error_description":"unknown key"}"#;
    harness.org.script_token(Fault::Status(401, refusal.into()));
    harness.org.revoke_tokens();
    source.check().await.unwrap();
    let after = statuses(&harness).0;
    assert_eq!(
        after[before..],
        [401, 400, 200],
        "refused, a nonce, a token"
    );
}

#[test]
fn credentials_reader_that_fails_at_first_is_an_error() {
    let read = || Err(Error::config("OKTA_API_TOKEN_FILE", "is gone"));
    let error = OktaSource::builder().credentials_from(read).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let integration = ServiceApp::with_client_secret(CLIENT, &"s3cret".into()).unwrap();
    let read = move || Ok(integration.clone().into());
    let builder = OktaSource::builder().credentials_from(read).unwrap();
    assert!(!format!("{builder:?}").contains("s3cret"));
}
