//! What is wrong with a store, and what the program says about it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use coralogix_sink::simulator::Fault;
use okta_coralogix_core::checkpoint::shared::{FolderObjects, SharedStore};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

use crate::admin::samples::{Program, ask};
use crate::harness::{Exit, Harness, start_program};

/// Speaks as much of the protocol of S3 as a check asks for.
#[derive(Debug, Clone)]
enum Answers {
    /// This status and code, to everything.
    Always(u16, &'static str),
    /// What was stored, whatever the condition of a put was.
    WithoutConditions(Arc<Mutex<HashMap<String, Vec<u8>>>>),
    /// Nothing, ever.
    Never,
}

/// Its address.
async fn serve(answers: Answers) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(answer).with_state(answers);
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn answer(
    State(answers): State<Answers>,
    method: Method,
    uri: Uri,
    body: axum::body::Bytes,
) -> Response {
    let objects = match answers {
        Answers::Always(status, code) => {
            let body = format!(
                "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>no</Message></Error>"
            );
            return (StatusCode::from_u16(status).unwrap(), body).into_response();
        }
        Answers::WithoutConditions(objects) => objects,
        Answers::Never => std::future::pending().await,
    };
    let mut objects = objects.lock().unwrap();
    let key = uri.path().to_owned();
    let etag = |body: &[u8]| [("etag", format!("\"{}-{:?}\"", body.len(), body.first()))];
    match method {
        Method::PUT => {
            let etag = etag(&body);
            objects.insert(key, body.to_vec());
            etag.into_response()
        }
        Method::DELETE => {
            objects.remove(&key);
            StatusCode::NO_CONTENT.into_response()
        }
        _ if uri.query().is_some_and(|query| query.contains("list-type")) => {
            "<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
                .into_response()
        }
        _ => match objects.get(&key) {
            Some(body) => {
                let modified = ("last-modified", "Mon, 30 Nov 2026 12:00:00 GMT".to_owned());
                let [etag] = etag(body);
                ([etag, modified], body.clone()).into_response()
            }
            None => StatusCode::NOT_FOUND.into_response(),
        },
    }
}

/// The variables of a run against a store at this address.
fn variables(harness: &Harness, endpoint: &str) -> HashMap<&'static str, String> {
    let mut variables = harness.variables();
    variables.insert("OKTA_CORALOGIX_STATE", "s3://bucket/okta".into());
    variables.insert("AWS_ENDPOINT_URL", endpoint.into());
    variables.insert("AWS_REGION", "eu-central-1".into());
    variables.insert("AWS_ACCESS_KEY_ID", "AKIAMARKED".into());
    variables.insert("AWS_SECRET_ACCESS_KEY", "marked-secret-of-aws".into());
    variables
}

/// A run against a store at this address, which ends by itself.
async fn run(harness: &Harness, endpoint: &str, flags: &[&str]) -> Exit {
    let variables = variables(harness, endpoint);
    let child = start_program("pull", harness.folder.path(), &variables, flags);
    let ended = Exit::of(child).await;
    assert!(!ended.stderr.contains("marked-secret"), "{}", ended.stderr);
    ended
}

#[tokio::test]
async fn store_that_cannot_be_used_ends_the_program_with_what_to_do() {
    let harness = Harness::new().await;
    for (answers, says) in [
        (
            Answers::Always(404, "NoSuchBucket"),
            "create it, or correct the address",
        ),
        (
            Answers::Always(403, "AccessDenied"),
            "allow s3:GetObject, s3:PutObject and s3:DeleteObject",
        ),
        (
            Answers::Always(400, "ExpiredToken"),
            "renew AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN",
        ),
        (
            Answers::Always(400, "AuthorizationHeaderMalformed"),
            "set AWS_REGION",
        ),
        (
            Answers::WithoutConditions(Arc::default()),
            "use one with conditional puts",
        ),
    ] {
        let endpoint = serve(answers.clone()).await;
        for flags in [&["--once"][..], &["--check"]] {
            let ended = run(&harness, &endpoint, flags).await;
            assert_eq!(ended.code, Some(2), "{answers:?}: {}", ended.stderr);
            assert!(ended.stderr.contains(says), "{answers:?}: {}", ended.stderr);
        }
    }
}

#[tokio::test]
async fn store_that_does_not_answer_at_the_start_is_waited_for_alive_and_until_sigterm() {
    let harness = Harness::new().await;
    let variables = variables(&harness, &serve(Answers::Never).await);
    // So that one call may take ten minutes.
    let flags = ["--lease-ttl", "1h"];
    let run = async {
        let program = Program::start("pull", harness.folder.path(), &variables, &flags).await;
        let live = ask(program.address, "GET /livez").await;
        let ready = ask(program.address, "GET /readyz").await;
        assert_eq!((live.status, ready.status), (200, 503));
        program.terminate().await;
        program.ended().await
    };
    let ended = timeout(Duration::from_secs(60), run).await;
    let ended = ended.expect("it ends at once");
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[tokio::test]
async fn replay_from_a_store_that_does_not_answer_ends_at_sigterm() {
    let harness = Harness::new().await;
    let mut variables = variables(&harness, &serve(Answers::Never).await);
    variables.insert("OKTA_CORALOGIX_DEAD_LETTERS", "state".into());
    // So that one call may take ten minutes.
    let flags = ["--lease-ttl", "1h"];
    let run = async {
        let program = Program::start("replay", harness.folder.path(), &variables, &flags).await;
        program.terminate().await;
        program.ended().await
    };
    let ended = timeout(Duration::from_secs(60), run).await;
    let ended = ended.expect("it ends at once");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.summary()["delivered"], 0);
    let said = "the replay was stopped before it had read which letters there are";
    assert!(ended.stderr.contains(said), "{ended:?}");
}

#[tokio::test]
async fn replay_from_a_store_that_stays_away_ends_with_1() {
    let harness = Harness::new().await;
    let mut variables = variables(&harness, &serve(Answers::Never).await);
    variables.insert("OKTA_CORALOGIX_DEAD_LETTERS", "state".into());
    let flags = ["--lease-ttl", "10s", "--give-up-after", "1s"];
    let child = start_program("replay", harness.folder.path(), &variables, &flags);
    let ended = Exit::of(child).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let said = "gave up: waited for the dead letters for";
    assert!(ended.stderr.contains(said), "{ended:?}");
}

/// It takes what is free. If it had a share, the others would leave its part to it.
#[tokio::test]
async fn run_that_ends_has_no_share() {
    let harness = Harness::new().await;
    harness.backlog(1);
    // It lasts until it is killed.
    let slow = Fault::Slow(Duration::from_secs(3600));
    harness.ingress.fail_always(Some(slow));
    let state = harness.folder.path().join("state");
    std::fs::create_dir(&state).unwrap();
    let mut variables = harness.variables();
    variables.insert("OKTA_CORALOGIX_STATE", state.display().to_string());
    let _child = start_program("pull", harness.folder.path(), &variables, &["--once"]);
    let of_run = presence(&state).await;

    let folder = tempfile::tempdir().unwrap();
    let objects = FolderObjects::open(folder.path()).await.unwrap();
    let _replica = SharedStore::new(objects).join([]);
    assert_eq!(of_run["logs"], presence(folder.path()).await["logs"]);
}

/// What the only replica in this folder tells of itself.
async fn presence(folder: &Path) -> Value {
    loop {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read(&path).unwrap_or_default();
            if let (true, Ok(told)) = (name.starts_with(".replica-"), serde_json::from_slice(&text))
            {
                return told;
            }
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// A record, as it is written.
fn record(version: u32, identity: &str) -> String {
    format!(
        r#"{{"format":"okta-coralogix shared checkpoint","version":{version},"holder":null,"term":3,"sequence":2,"nonce":"n","ttl_ms":30000,"position":{{"token":"t","identity":"{identity}","cursor":"/api/v1/logs?after=1","published_ms":null,"window":"127.0.0.1.window-1"}},"saved":"2026-11-30T12:00:00Z"}}"#
    )
}

#[tokio::test]
async fn record_that_cannot_be_used_is_named_with_what_to_do() {
    let harness = Harness::new().await;
    let state = harness.folder.path().join("state");
    std::fs::create_dir(&state).unwrap();
    let mut variables = harness.variables();
    variables.insert("OKTA_CORALOGIX_STATE", state.display().to_string());
    let check = || {
        let child = start_program("pull", harness.folder.path(), &variables, &["--check"]);
        Exit::of(child)
    };
    let ended = check().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let first = "position: ok: no replica has held the log yet";
    assert!(ended.stderr.contains(first), "{}", ended.stderr);
    let good = record(1, "okta-system-log https://other.okta.com");
    for (content, says) in [
        (
            record(9, "x"),
            "start the version that wrote it, on all replicas",
        ),
        (
            good[..good.len() / 2].to_owned(),
            "give the checkpoints a folder (prefix) of their own",
        ),
        (
            "{\"a\":1}".to_owned(),
            "give the checkpoints a folder (prefix) of their own",
        ),
        (
            good,
            "the object 127.0.0.1.window-1 with the window of uuids, which is missing",
        ),
    ] {
        std::fs::write(state.join("127.0.0.1"), &content).unwrap();
        let ended = check().await;
        assert_eq!(ended.code, Some(2), "{content}: {}", ended.stderr);
        assert!(ended.stderr.contains(says), "{content}: {}", ended.stderr);
    }
}

/// Two lists of orgs have the name of an integration in one folder.
#[tokio::test]
async fn log_of_another_org_is_refused_with_both_named() {
    let (first, second) = (Harness::new().await, Harness::new().await);
    let state = first.folder.path().join("state");
    std::fs::create_dir(&state).unwrap();
    first.backlog(10);
    for (harness, is_refused) in [(&first, false), (&second, true)] {
        let mut variables = harness.variables();
        variables.insert("OKTA_CORALOGIX_STATE", state.display().to_string());
        let folder = harness.folder.path();
        let flags = ["--once", "--give-up-after", "1s"];
        let ended = Exit::of(start_program("pull", folder, &variables, &flags)).await;
        let code = i32::from(is_refused);
        assert_eq!(ended.code, Some(code), "{}", ended.stderr);
        if is_refused {
            for org in [&first, &second] {
                let url = org.org_server.base_url();
                assert!(ended.stderr.contains(&url), "{url}: {}", ended.stderr);
            }
        }
    }
}
