//! Exit codes, the summary, and the messages that return to the queue.

use std::time::Duration;

use coralogix_sink::simulator::Fault;
use eventbridge_source::sqs::simulator::{Call, SqsSimulator};
use okta_coralogix_core::{Error, ErrorKind};

use super::front::{SqsError, SqsFront};
use super::harness::Harness;
use crate::harness::{Exit, start_program, terminate};

fn queue() -> SqsSimulator {
    SqsSimulator::builder().max_receive_count(10).build()
}

#[tokio::test]
async fn once_empties_the_queue_and_exits_with_0() {
    let harness = Harness::new(queue()).await;
    let events = harness.backlog(1200);
    harness.queue.send("no event");
    let ended = Exit::of(harness.start(&["--once"])).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let summary = ended.summary();
    assert_eq!((summary["delivered"], summary["dead_lettered"]), (1200, 1));
    let ledger = harness.ingress.ledger();
    assert_eq!(
        (ledger.repeats(), ledger.entries().len()),
        (0, events.len())
    );
    assert!(harness.queue.depth_now().is_empty());
    let letters = harness.dead_letters();
    assert!(
        letters.contains(r#""receive_count":1"#) && letters.contains("no event"),
        "{letters}"
    );
}

#[tokio::test]
async fn signal_exits_with_0_and_the_summary() {
    let mut harness = Harness::new(queue()).await;
    harness.backlog(500);
    let child = harness.start(&[]);
    harness.seen.wait_for(|seen| *seen >= 500).await.unwrap();
    terminate(&child).await;
    let ended = Exit::of(child).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.summary()["delivered"], 500);
    assert!(harness.queue.depth_now().is_empty());
}

#[tokio::test]
async fn refused_key_returns_all_messages() {
    let harness = Harness::new(queue()).await;
    harness.backlog(40);
    harness.ingress.fail_always(Some(Fault::status(403)));
    let ended = Exit::of(harness.start(&["--refusal-wait", "1s"])).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.summary()["delivered"], 0);
    let depth = harness.queue.depth_now();
    assert_eq!((depth.visible, depth.in_flight), (40, 0), "{ended:?}");
}

#[tokio::test]
async fn wrong_settings_are_named_and_a_busy_queue_is_retried() {
    let harness = Harness::new(queue()).await;
    let run = |variables: std::collections::HashMap<&'static str, String>| {
        let folder = harness.folder.path();
        Exit::of(start_program(
            "eventbridge_sqs",
            folder,
            &variables,
            &["--once"],
        ))
    };
    let mut variables = harness.variables();
    variables.remove("SQS_QUEUE_URL");
    let ended = run(variables).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("SQS_QUEUE_URL"), "{ended:?}");

    let mut variables = harness.variables();
    variables.remove("AWS_REGION");
    let ended = run(variables).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("AWS_REGION"), "{ended:?}");

    let mut variables = harness.variables();
    variables.insert(
        "SQS_QUEUE_URL",
        format!("{}/another", harness.queue_server.queue_url()),
    );
    let ended = run(variables).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("QueueDoesNotExist"), "{ended:?}");

    // A queue that is busy for a moment is asked again.
    let busy = || Error::temporary(ErrorKind::Unavailable, "busy");
    harness.queue.fail_calls(Call::Attributes, [busy(), busy()]);
    let ended = tokio::time::timeout(Duration::from_secs(60), run(harness.variables()))
        .await
        .unwrap();
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[tokio::test]
async fn refused_key_of_the_queue_is_named_with_what_to_allow() {
    let decrypt = "User: arn:aws:sts::123456789012:assumed-role/reader/x is not authorized to perform: kms:Decrypt on resource: \
                   arn:aws:kms:eu-west-1:123456789012:key/k";
    let not_named = "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are \
                     not allowed to access.";
    let kms = "com.amazonaws.sqs#KmsAccessDenied";
    let query_code = Some("KMS.AccessDeniedException");
    for (shape, query_code, message) in [
        (kms, query_code, decrypt),
        (kms, query_code, not_named),
        (kms, None, decrypt),
        (kms, None, not_named),
        ("com.amazonaws.sqs#AccessDeniedException", None, decrypt),
    ] {
        let harness = Harness::new(queue()).await;
        harness.backlog(3);
        let error = SqsError {
            status: 400,
            shape,
            query_code,
            message,
        };
        let front = SqsFront::before(&harness.queue_server.endpoint(), move |call| {
            (call.operation() == "ReceiveMessage").then_some(error)
        })
        .await;
        let mut variables = harness.variables();
        variables.insert("AWS_ENDPOINT_URL", front.url());
        let folder = harness.folder.path();
        let child = start_program("eventbridge_sqs", folder, &variables, &["--once"]);
        let ended = Exit::of(child).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let last = ended.stderr.lines().last().unwrap();
        assert!(last.contains("SQS refused sqs:ReceiveMessage"), "{last}");
        assert_eq!(last.matches("kms:Decrypt").count(), 1, "{last}");
        let says = "on the key of the queue, and check that the key is enabled";
        assert!(last.ends_with(says), "{last}");
        let advice = last.find("; allow the role").unwrap();
        assert!(!last[..advice].ends_with('.'), "{last}");
        assert_eq!(ended.summary()["received"], 0, "{ended:?}");
        assert_eq!(harness.queue.depth_now().visible, 3);
    }
}
