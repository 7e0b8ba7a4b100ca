//! AWS credentials as programs meet them: that expire, that are there late, from a command or a sign-in.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use eventbridge_source::sqs::simulator::{Call, SqsSimulator};
use okta_coralogix_core::{Error, ErrorKind};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::harness::{Harness, envelope, write};
use crate::harness::{Exit, fresh, start_program, terminate};

type Variables = HashMap<&'static str, String>;

/// An endpoint on 127.0.0.1 that answers each request by a function of the number of requests before it.
struct Endpoint {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Endpoint {
    async fn serve<F>(answer: F) -> Self
    where
        F: Fn(usize, Request) -> Response + Clone + Send + Sync + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&asked);
        let router = Router::new().fallback(async move |request: Request| {
            answer(count.fetch_add(1, Ordering::SeqCst), request)
        });
        let task = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
        Self {
            address,
            asked,
            task,
        }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// As a container's endpoint and `credential_process` give them.
fn credentials(id: &str) -> String {
    json!({
        "Version": 1, "AccessKeyId": id, "SecretAccessKey": "marked-secret", "Token": "marked-session-token",
        "SessionToken": "marked-session-token", "Expiration": "2099-01-01T00:00:00Z",
    })
    .to_string()
}

/// The variables of a run without static credentials.
fn without_keys(harness: &Harness) -> Variables {
    let mut variables = harness.variables();
    variables.remove("AWS_ACCESS_KEY_ID");
    variables.remove("AWS_SECRET_ACCESS_KEY");
    variables.insert("HOME", harness.folder.path().display().to_string());
    variables
}

async fn run(harness: &Harness, variables: &Variables) -> Exit {
    let folder = harness.folder.path();
    let child = start_program("eventbridge_sqs", folder, variables, &["--once"]);
    let ended = timeout(Duration::from_secs(60), Exit::of(child)).await;
    let ended = ended.expect("it ends");
    assert!(!ended.stderr.contains("marked-session-token"), "{ended:?}");
    ended
}

fn queue() -> SqsSimulator {
    SqsSimulator::builder().max_receive_count(10).build()
}

#[tokio::test]
async fn refused_credentials_are_read_again_and_the_call_is_repeated() {
    for code in [
        "ExpiredToken",
        "InvalidSecurity",
        "UnrecognizedClientException",
    ] {
        let mut harness = Harness::new(queue()).await;
        let events = harness.backlog(30);
        let endpoint =
            Endpoint::serve(|nth, _| credentials(&format!("KEY-{nth}")).into_response()).await;
        harness.queue.accept_access_key("KEY-0", code);
        let mut variables = without_keys(&harness);
        variables.insert("AWS_CONTAINER_CREDENTIALS_FULL_URI", endpoint.url());
        let child = start_program("eventbridge_sqs", harness.folder.path(), &variables, &[]);
        harness.seen.wait_for(|seen| *seen >= 30).await.unwrap();
        // The session ends, although its date is far away: for receives, deletions and extensions alike.
        harness.queue.accept_access_key("KEY-1", code);
        let later = fresh(31).split_off(30);
        harness.queue.send(envelope(&later[0].json));
        harness.seen.wait_for(|seen| *seen >= 31).await.unwrap();
        terminate(&child).await;
        let ended = Exit::of(child).await;
        assert_eq!(ended.code, Some(0), "{code}: {ended:?}");
        assert_eq!(endpoint.asked.load(Ordering::SeqCst), 2, "{code}");
        assert!(harness.queue.depth_now().is_empty(), "{code}");
        let ledger = harness.ingress.ledger();
        let all = events.iter().chain(&later);
        assert_eq!(ledger.missing(all.map(|event| &*event.uuid)), [""; 0]);
    }
}

#[tokio::test]
async fn credentials_that_stay_refused_end_the_run() {
    let harness = Harness::new(queue()).await;
    harness.backlog(3);
    harness.queue.accept_access_key("another", "ExpiredToken");
    let ended = run(&harness, &harness.variables()).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("ExpiredToken"), "{ended:?}");
    assert_eq!(harness.queue.receives(), 0);
}

#[tokio::test]
async fn credentials_endpoint_that_fails_at_the_start_is_waited_for_and_named() {
    let harness = Harness::new(queue()).await;
    harness.backlog(5);
    // The SDK itself asks a few times.
    let endpoint = Endpoint::serve(|nth, _| match nth {
        0..=4 => (StatusCode::INTERNAL_SERVER_ERROR, "broken").into_response(),
        5..=9 => "<html>sign in</html>".into_response(),
        _ => credentials("KEY").into_response(),
    })
    .await;
    let mut variables = without_keys(&harness);
    variables.insert("AWS_CONTAINER_CREDENTIALS_FULL_URI", endpoint.url());
    let ended = run(&harness, &variables).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.summary()["delivered"], 5);
    let named = ended
        .stderr
        .contains("the AWS credentials cannot be read now");
    assert!(named, "{ended:?}");
    assert!(!ended.stderr.contains("set AWS_ACCESS_KEY_ID"), "{ended:?}");
}

#[tokio::test]
async fn no_credentials_at_all_are_told_at_once() {
    let harness = Harness::new(queue()).await;
    let ended = run(&harness, &without_keys(&harness)).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("set AWS_ACCESS_KEY_ID"), "{ended:?}");
}

#[tokio::test]
async fn credential_process_of_a_profile_is_run() {
    let harness = Harness::new(queue()).await;
    harness.backlog(5);
    let folder = harness.folder.path();
    let script = write(
        folder,
        "give",
        &format!("#!/bin/sh\necho '{}'\n", credentials("KEY-P")),
    );
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let config = format!("[profile work]\nregion = eu-west-1\ncredential_process = {script}\n");
    let mut variables = without_keys(&harness);
    variables.insert("AWS_CONFIG_FILE", write(folder, "config", &config));
    variables.insert("AWS_PROFILE", "work".into());
    variables.remove("AWS_REGION");
    harness.queue.accept_access_key("KEY-P", "InvalidSecurity");
    let ended = run(&harness, &variables).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.summary()["delivered"], 5);
}

#[tokio::test]
async fn sso_profile_uses_the_cached_sign_in() {
    let harness = Harness::new(queue()).await;
    harness.backlog(5);
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let portal = Endpoint::serve(move |_, request| {
        let token = request.headers().get("x-amz-sso_bearer_token").cloned();
        log.lock().unwrap().push((request.uri().to_string(), token));
        json!({"roleCredentials": {
            "accessKeyId": "KEY-S", "secretAccessKey": "marked-secret", "sessionToken": "marked-session-token",
            "expiration": 4_070_908_800_000_i64,
        }})
        .to_string()
        .into_response()
    })
    .await;
    let folder = harness.folder.path();
    let config = "[profile work]\nsso_session = acme\nsso_account_id = 123456789012\nsso_role_name = reader\nregion = eu-west-1\n\
                  [sso-session acme]\nsso_region = eu-west-1\nsso_start_url = https://acme.awsapps.com/start\n";
    let token = json!({
        "accessToken": "marked-sign-in", "expiresAt": "2099-01-01T00:00:00Z", "region": "eu-west-1",
        "startUrl": "https://acme.awsapps.com/start",
    });
    // The SHA-1 of the session's name.
    let cached = ".aws/sso/cache/293abb6b76d7791c0732cc517d38c4b5c734b87f.json";
    write(folder, cached, &token.to_string());
    let mut variables = without_keys(&harness);
    variables.insert("AWS_CONFIG_FILE", write(folder, "config", config));
    variables.insert("AWS_PROFILE", "work".into());
    variables.insert("AWS_ENDPOINT_URL_SSO", portal.url());
    harness.queue.accept_access_key("KEY-S", "InvalidSecurity");
    let ended = run(&harness, &variables).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.summary()["delivered"], 5);
    let asked = asked.lock().unwrap();
    let (uri, token) = &asked[0];
    assert!(
        uri.contains("account_id=123456789012") && uri.contains("role_name=reader"),
        "{uri}"
    );
    assert_eq!(token.as_ref().unwrap(), "marked-sign-in");
    assert!(!ended.stderr.contains("marked-sign-in"), "{ended:?}");
}

#[tokio::test]
async fn each_fault_of_the_endpoint_has_its_own_cause() {
    let harness = Harness::new(queue()).await;
    let refused = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = refused.local_addr().unwrap();
    drop(refused);
    for (endpoint, cause) in [
        (
            format!("http://{address}"),
            format!("{address} refuses connections"),
        ),
        (
            "http://no-such-host.invalid".into(),
            "the name no-such-host.invalid cannot be resolved".into(),
        ),
    ] {
        let mut variables = harness.variables();
        variables.insert("AWS_ENDPOINT_URL", endpoint);
        let flags = ["--once", "--give-up-after", "1s"];
        let child = start_program("eventbridge_sqs", harness.folder.path(), &variables, &flags);
        let ended = Exit::of(child).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let last = ended.stderr.lines().last().unwrap();
        assert!(
            last.contains("sqs:GetQueueAttributes") && last.contains(&cause),
            "{ended:?}"
        );
        assert_eq!(last.matches(&cause).count(), 1, "it is said once: {last}");
        assert!(!last.contains("dispatch failure"), "{last}");
    }
    let denied = || {
        Error::new(
            ErrorKind::Forbidden,
            "User: arn:aws:iam::1:user/x is not authorized",
        )
    };
    harness.queue.fail_calls(Call::Attributes, [denied()]);
    let ended = run(&harness, &harness.variables()).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let last = ended.stderr.lines().last().unwrap();
    assert_eq!(last.matches("is not authorized").count(), 1, "{last}");
    assert!(
        last.ends_with("allow the role sqs:GetQueueAttributes on the queue"),
        "{last}"
    );
}
