//! `eventbridge_sqs --check`.

use std::time::Duration;

use eventbridge_source::sqs::simulator::{Call, SqsSimulator, SqsSimulatorBuilder};
use okta_coralogix_core::{Error, ErrorKind};

use super::{assert_all_ok, assert_wrong};
use crate::eventbridge_sqs::harness::Harness;
use crate::harness::Exit;

fn queue() -> SqsSimulatorBuilder {
    SqsSimulator::builder().max_receive_count(10)
}

async fn check(harness: &Harness) -> Exit {
    Exit::of(harness.start(&["--check"])).await
}

#[tokio::test]
async fn check_of_a_good_queue_says_ok_and_receives_nothing() {
    let harness = Harness::new(queue().build()).await;
    let subjects = [
        "AWS credentials",
        "queue",
        "visibility timeout",
        "retention",
        "redrive policy",
        "encryption",
        "permissions",
        "permission to receive",
        "Coralogix",
        "clock",
        "--dead-letters",
        "open files",
    ];
    let ended = check(&harness).await;
    assert_all_ok(&ended, &subjects);
    assert!(
        ended.stderr.contains("sqs:ReceiveMessage is allowed"),
        "{ended:?}"
    );
    harness.backlog(3);
    let ended = check(&harness).await;
    assert_all_ok(&ended, &subjects);
    assert!(
        ended
            .stderr
            .contains("not asked, since the queue has messages"),
        "{ended:?}"
    );
    assert_eq!(harness.queue.receives(), 0);
    assert_eq!(harness.queue.depth_now().visible, 3);
}

#[tokio::test]
async fn check_names_the_attribute_of_the_queue_that_loses_events() {
    let hour = Duration::from_secs(3600);
    for (queue, subject, words) in [
        (
            queue().retention(hour),
            "retention",
            "MessageRetentionPeriod",
        ),
        (SqsSimulator::builder(), "redrive policy", "RedrivePolicy"),
        (
            SqsSimulator::builder().max_receive_count(3),
            "redrive policy",
            "maxReceiveCount to 10",
        ),
        (
            queue().without_encryption(),
            "encryption",
            "SqsManagedSseEnabled",
        ),
        (
            queue().visibility_timeout(Duration::from_secs(1)),
            "queue",
            "set it to 2 s or more",
        ),
    ] {
        let harness = Harness::new(queue.build()).await;
        let ended = check(&harness).await;
        assert_wrong(&ended, subject, &[words]);
    }
}

#[tokio::test]
async fn check_names_the_right_of_the_queue_that_is_missing() {
    for (call, subject, action) in [
        (Call::Delete, "permissions", "sqs:DeleteMessage"),
        (
            Call::ChangeVisibility,
            "permissions",
            "sqs:ChangeMessageVisibility",
        ),
        (Call::Receive, "permission to receive", "sqs:ReceiveMessage"),
        (Call::Attributes, "queue", "sqs:GetQueueAttributes"),
    ] {
        let harness = Harness::new(queue().build()).await;
        let denied = || Error::new(ErrorKind::Forbidden, "not authorized");
        harness.queue.fail_calls(call, [denied(), denied()]);
        let ended = check(&harness).await;
        assert_wrong(&ended, subject, &[action]);
    }
    let harness = Harness::new(queue().build()).await;
    harness
        .queue
        .accept_access_key("another", "InvalidClientTokenId");
    let ended = check(&harness).await;
    assert_wrong(&ended, "queue", &["AWS"]);
}
