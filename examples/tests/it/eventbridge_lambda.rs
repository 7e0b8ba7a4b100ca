//! `eventbridge_lambda` as a process, between the API of the Lambda runtime and an ingress.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use coralogix_sink::simulator::{CoralogixSimulator, Fault};
use eventbridge_source::lambda::simulator::{InvocationResult, LambdaRuntimeApi};
use okta_coralogix_core::testing::GeneratedEvent;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Child;

use crate::blocked::{fail_at_guilty, make_one_guilty};
use crate::harness::{Exit, KEY, fresh, start_program, terminate};

struct Harness {
    api: LambdaRuntimeApi,
    ingress: CoralogixSimulator,
    function: Child,
    folder: TempDir,
    _ingress_server: coralogix_sink::simulator::CoralogixServer,
}

impl Harness {
    async fn new(dead_letters: &str) -> Self {
        let api = LambdaRuntimeApi::serve().await.unwrap();
        let ingress = CoralogixSimulator::builder().key(KEY).build();
        let ingress_server = ingress.serve().await.unwrap();
        let mut variables: HashMap<&'static str, String> = api.variables().into();
        variables.insert("CORALOGIX_ENDPOINT", ingress_server.base_url());
        variables.insert("CORALOGIX_API_KEY", KEY.into());
        variables.insert("OKTA_CORALOGIX_DEAD_LETTERS", dead_letters.into());
        let folder = tempfile::tempdir().unwrap();
        // For the function the folder is a mounted file system.
        variables.insert("TMPDIR", folder.path().join("tmp").display().to_string());
        Self {
            api,
            ingress,
            function: start_program("eventbridge_lambda", folder.path(), &variables, &[]),
            folder,
            _ingress_server: ingress_server,
        }
    }

    async fn invoke(&self, payload: Bytes, seconds: u64) -> InvocationResult {
        let asked = self.api.invoke(payload, Duration::from_secs(seconds));
        let answer = tokio::time::timeout(Duration::from_secs(60), asked).await;
        answer.unwrap().unwrap()
    }

    /// The messages that an answer reports as failed.
    async fn failures(&self, bodies: &[Bytes], seconds: u64) -> Vec<String> {
        let answer = match self.invoke(batch(bodies), seconds).await {
            InvocationResult::Success(answer) => serde_json::from_slice::<Value>(&answer).unwrap(),
            InvocationResult::Error(error) => panic!("{error:?}"),
        };
        let failures = answer["batchItemFailures"].as_array().unwrap().iter();
        failures
            .map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned())
            .collect()
    }

    async fn end(self) -> Exit {
        terminate(&self.function).await;
        Exit::of(self.function).await
    }
}

fn batch(bodies: &[Bytes]) -> Bytes {
    let record = |(n, body): (usize, &Bytes)| {
        json!({
            "messageId": format!("m{n}"), "body": std::str::from_utf8(body).unwrap(),
            "attributes": {"ApproximateReceiveCount": "1"}, "eventSource": "aws:sqs",
        })
    };
    json!({"Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>()})
        .to_string()
        .into()
}

#[tokio::test]
async fn a_function_answers_for_each_message_and_in_time() {
    let harness = Harness::new("letters.ndjson").await;
    let events: Vec<Bytes> = fresh(12).into_iter().map(|event| event.json).collect();
    assert_eq!(harness.failures(&events[..10], 30).await, [""; 0]);
    assert_eq!(harness.ingress.ledger().entries().len(), 10);

    // The ingress is down: malformed messages are dead-lettered, the others fail when the time is up.
    harness.ingress.fail_always(Some(Fault::status(503)));
    let bodies = [
        "no event".into(),
        events[10].clone(),
        "[]".into(),
        events[11].clone(),
    ];
    let began = std::time::Instant::now();
    assert_eq!(harness.failures(&bodies, 3).await, ["m1", "m3"]);
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "before Lambda ends it"
    );

    // The same messages come again, and are delivered once.
    harness.ingress.fail_always(None);
    assert_eq!(
        harness
            .failures(&[events[10].clone(), events[11].clone()], 30)
            .await,
        [""; 0]
    );
    let ledger = harness.ingress.ledger();
    assert_eq!((ledger.entries().len(), ledger.repeats()), (12, 0));

    let folder = harness.folder.path().join("letters.ndjson");
    let letters = std::fs::read_to_string(folder).unwrap();
    assert_eq!(letters.lines().count(), 2, "{letters}");
    let ended = harness.end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let summary = ended.summary();
    assert_eq!(
        (
            summary["dead_lettered"],
            summary["handed_back"] + summary["delivered"] + summary["duplicate"]
        ),
        (2, 14)
    );
}

#[tokio::test]
async fn unsettled_event_fails_its_invocation() {
    let harness = Harness::new("-").await;
    let event = fresh(1).remove(0).json;
    harness.ingress.fail_always(Some(Fault::status(403)));
    let answer = harness.invoke(event.clone(), 10).await;
    assert!(matches!(&answer, InvocationResult::Error(_)), "{answer:?}");
    harness.ingress.fail_always(None);
    let answer = harness.invoke(event, 10).await;
    assert_eq!(answer, InvocationResult::Success("null".into()));
    // JSON that is not an event is written to the log.
    let answer = harness.invoke(r#"{"no":"event"}"#.into(), 10).await;
    assert_eq!(answer, InvocationResult::Success("null".into()));
    let ended = harness.end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.summary()["dead_lettered"], 1);
    assert!(
        ended.stdout.contains(r#""event":"{\"no\":\"event\"}""#),
        "{ended:?}"
    );
}

#[tokio::test]
async fn records_beside_a_refused_one_are_done_in_time() {
    let harness = Harness::new("letters.ndjson").await;
    let mut events = fresh(20);
    let later = events.split_off(10);
    let guilty = make_one_guilty(&mut events);
    fail_at_guilty(&harness.ingress, Fault::html(403));
    let bodies = |events: &[GeneratedEvent]| -> Vec<Bytes> {
        events.iter().map(|event| event.json.clone()).collect()
    };
    assert_eq!(harness.failures(&bodies(&events), 4).await, ["m5"]);
    assert_eq!(harness.ingress.arrivals(), 9);
    let failed = |ingress: &CoralogixSimulator| {
        let ledger = ingress.ledger();
        let requests = ledger.requests().iter();
        requests
            .filter(|seen| !seen.accepted && seen.entries > 1)
            .count()
    };
    let before = failed(&harness.ingress);
    // It comes again with others, and is in no request with them.
    let again = [vec![guilty.json], bodies(&later)].concat();
    assert_eq!(harness.failures(&again, 4).await, ["m0"]);
    assert_eq!(harness.ingress.arrivals(), 19);
    assert_eq!(failed(&harness.ingress), before);
    let ended = harness.end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.summary()["handed_back"], 2);
}

#[tokio::test]
async fn failed_invocation_has_a_stable_error_type_and_a_log_for_people() {
    let harness = Harness::new("-").await;
    let event = fresh(1).remove(0).json;
    let failed = |answer: InvocationResult| match answer {
        InvocationResult::Error(error) => serde_json::from_slice::<Value>(&error).unwrap(),
        InvocationResult::Success(answer) => panic!("{answer:?}"),
    };
    let odd = failed(harness.invoke(r#"{"detail":null}"#.into(), 10).await);
    assert_eq!(odd["errorType"], "NoEvent");
    let late = failed(harness.invoke(event.clone(), 1).await);
    assert_eq!(late["errorType"], "Config");
    let message = late["errorMessage"].as_str().unwrap();
    assert!(
        message.contains("set the time-out to 10 s or more"),
        "{message}"
    );
    harness.ingress.fail_always(Some(Fault::status(403)));
    let refused = failed(harness.invoke(event, 10).await);
    assert_eq!(refused["errorType"], "Forbidden");
    let ended = harness.end().await;
    assert_eq!(ended.summary()["dead_lettered"], 0);
    for debug_output in ["Diagnostic", "Error {", "kind:", "Some("] {
        assert!(!ended.stderr.contains(debug_output), "{ended:?}");
    }
    assert_eq!(
        ended.stderr.matches("the invocation failed").count(),
        3,
        "{ended:?}"
    );
}

#[tokio::test]
async fn dead_letters_in_a_folder_that_the_function_takes_along_are_refused() {
    let api = LambdaRuntimeApi::serve().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut variables: HashMap<&'static str, String> = api.variables().into();
    variables.insert("CORALOGIX_ENDPOINT", "http://127.0.0.1:9".into());
    variables.insert("CORALOGIX_API_KEY", KEY.into());
    variables.insert("TMPDIR", folder.path().display().to_string());
    let below = folder.path().join("a/b.ndjson").display().to_string();
    std::fs::create_dir(folder.path().join("a")).unwrap();
    for letters in [None, Some("letters.ndjson".to_owned()), Some(below)] {
        variables.remove("OKTA_CORALOGIX_DEAD_LETTERS");
        if let Some(letters) = letters {
            variables.insert("OKTA_CORALOGIX_DEAD_LETTERS", letters);
        }
        let child = start_program("eventbridge_lambda", folder.path(), &variables, &[]);
        let ended = Exit::of(child).await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        let named = ended
            .stderr
            .contains("which does not outlive this instance of the function")
            && ended.stderr.contains("OKTA_CORALOGIX_DEAD_LETTERS");
        assert!(named, "{ended:?}");
    }
}
