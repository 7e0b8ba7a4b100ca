//! What is called, and what is asked before the first receive.

use std::time::Duration;

use coralogix_sink::simulator::Fault;
use eventbridge_source::sqs::simulator::{Call, SqsSimulator};
use okta_coralogix_core::{Error, ErrorKind};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::harness::{Harness, envelope};
use crate::harness::{Exit, TOKEN, fresh, start_program, terminate};

fn queue() -> SqsSimulator {
    SqsSimulator::builder().max_receive_count(3).build()
}

async fn ended(harness: &Harness, flags: &[&str]) -> Exit {
    let ended = timeout(Duration::from_secs(60), Exit::of(harness.start(flags))).await;
    ended.expect("it ends")
}

#[tokio::test]
async fn host_of_the_queue_url_is_called() {
    let harness = Harness::new(queue()).await;
    harness.backlog(5);
    let mut variables = harness.variables();
    variables.remove("AWS_ENDPOINT_URL");
    let folder = harness.folder.path();
    let child = start_program("eventbridge_sqs", folder, &variables, &["--once"]);
    let ended = timeout(Duration::from_secs(60), Exit::of(child))
        .await
        .unwrap();
    assert_eq!(
        (ended.code, ended.summary()["delivered"]),
        (Some(0), 5),
        "{ended:?}"
    );
}

#[tokio::test]
async fn region_of_the_queue_is_used_and_a_mismatch_is_named() {
    let harness = Harness::new(queue()).await;
    let mut variables = harness.variables();
    // The endpoint is called, and does not have this queue.
    let url = "https://vpce-1-a.sqs.eu-north-1.vpce.amazonaws.com/123456789012/okta";
    variables.insert("SQS_QUEUE_URL", url.into());
    let folder = harness.folder.path();
    let child = start_program("eventbridge_sqs", folder, &variables, &["--once"]);
    let ended = timeout(Duration::from_secs(60), Exit::of(child))
        .await
        .unwrap();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let named = ended
        .stderr
        .contains("is eu-west-1, and the queue is in eu-north-1 by its URL");
    assert!(named, "{ended:?}");
}

#[tokio::test]
async fn restarts_with_a_refused_key_use_up_no_receive() {
    let harness = Harness::new(queue()).await;
    harness.backlog(30);
    harness.ingress.fail_always(Some(Fault::status(403)));
    for _ in 0..4 {
        let ended = ended(&harness, &[]).await;
        assert_eq!(
            (ended.code, ended.summary()["received"]),
            (Some(1), 0),
            "{ended:?}"
        );
    }
    assert_eq!(
        (harness.queue.receives(), harness.queue.dead().len()),
        (0, 0)
    );
    assert_eq!(harness.queue.depth_now().visible, 30);
}

#[tokio::test]
async fn restarts_without_a_permission_deliver_nothing() {
    for (call, action) in [
        (Call::Delete, "sqs:DeleteMessage"),
        (Call::ChangeVisibility, "sqs:ChangeMessageVisibility"),
    ] {
        let harness = Harness::new(queue()).await;
        harness.backlog(30);
        let denied = || Error::new(ErrorKind::Forbidden, "not authorized");
        harness
            .queue
            .fail_calls(call, [denied(), denied(), denied()]);
        for _ in 0..3 {
            let ended = ended(&harness, &[]).await;
            assert_eq!(ended.code, Some(1), "{ended:?}");
            let last = ended.stderr.lines().last().unwrap();
            assert_eq!(
                last.matches(action).count(),
                2,
                "what was refused, what to allow: {last}"
            );
        }
        assert_eq!(harness.queue.receives(), 0);
        assert!(harness.ingress.ledger().entries().is_empty());
    }
}

#[tokio::test]
async fn coralogix_that_does_not_answer_is_waited_for_before_the_first_receive() {
    let harness = Harness::new(queue()).await;
    harness.backlog(5);
    harness.ingress.fail_next(2, Fault::status(503));
    let ended = ended(&harness, &["--once"]).await;
    assert_eq!(
        (ended.code, ended.summary()["delivered"]),
        (Some(0), 5),
        "{ended:?}"
    );
    assert!(
        ended
            .stderr
            .contains("waiting for Coralogix; nothing is received yet"),
        "{ended:?}"
    );
}

/// It takes the 10 s that a call may take.
#[tokio::test]
async fn endpoint_that_never_answers_is_named_in_time_and_waited_for() {
    let harness = Harness::new(queue()).await;
    harness.backlog(5);
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut variables = harness.variables();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    variables.insert("AWS_ENDPOINT_URL", endpoint);
    let folder = harness.folder.path();
    let mut child = start_program("eventbridge_sqs", folder, &variables, &[]);
    let (_first, _) = silent.accept().await.unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let warned = async {
        loop {
            let line = lines.next_line().await.unwrap().expect("it runs on");
            if line.contains("waiting for the queue") {
                return line;
            }
        }
    };
    let line = timeout(Duration::from_secs(15), warned).await;
    let line = line.expect("the call has a limit");
    let says = "SQS did not answer sqs:GetQueueAttributes within 10 s";
    assert_eq!(line.matches(says).count(), 1, "{line}");
    assert!(line.contains("nothing is received yet"), "{line}");

    // It asks again, and a signal ends it while it does.
    let (_second, _) = silent.accept().await.unwrap();
    terminate(&child).await;
    let ended = timeout(Duration::from_secs(5), Exit::of(child)).await;
    let ended = ended.expect("it does not wait for the answer");
    assert_eq!(
        (ended.code, ended.summary()["received"]),
        (Some(0), 0),
        "{ended:?}"
    );
}

#[tokio::test]
async fn queue_without_events_exits_with_1_and_deletes_nothing() {
    let harness = Harness::new(SqsSimulator::builder().max_receive_count(30).build()).await;
    for n in 0..50 {
        harness.queue.send(format!(r#"{{"detail":null,"n":{n}}}"#));
    }
    for _ in 0..2 {
        let ended = ended(&harness, &[]).await;
        assert_eq!(
            (ended.code, ended.summary()["received"]),
            (Some(1), 0),
            "{ended:?}"
        );
        assert!(
            ended
                .stderr
                .contains("no event was found in any of the first 20"),
            "{ended:?}"
        );
    }
    assert_eq!(harness.queue.deleted(), 0);
    assert_eq!(harness.queue.depth_now().visible, 50);
    assert_eq!(harness.dead_letters(), "");
}

#[tokio::test]
async fn dead_letters_go_to_the_log_by_a_dash() {
    let harness = Harness::new(queue()).await;
    harness.backlog(2);
    harness.queue.send("no event");
    let ended = ended(&harness, &["--once", "--dead-letters", "-"]).await;
    assert_eq!(
        (ended.code, ended.summary()["dead_lettered"]),
        (Some(0), 1),
        "{ended:?}"
    );
    assert!(ended.stdout.contains(r#""event":"no event""#), "{ended:?}");
    assert!(!harness.folder.path().join("-").exists());
}

#[tokio::test]
async fn trace_log_has_no_token_and_no_event() {
    let mut harness = Harness::new(queue()).await;
    let event = fresh(1).remove(0);
    harness.queue.send(envelope(&event.json));
    harness.queue.send("marked-odd-message");
    let mut variables = harness.variables();
    variables.insert("RUST_LOG", "trace".into());
    variables.insert("AWS_SESSION_TOKEN", "marked-session-token".into());
    let child = start_program("eventbridge_sqs", harness.folder.path(), &variables, &[]);
    harness.seen.wait_for(|seen| *seen >= 1).await.unwrap();
    terminate(&child).await;
    let ended = Exit::of(child).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stderr.contains("DEBUG"),
        "the log is that of trace: {ended:?}"
    );
    for private in [
        "marked-session-token",
        TOKEN,
        &event.uuid,
        "marked-odd-message",
    ] {
        assert!(!ended.stderr.contains(private), "{private}: {ended:?}");
    }
}
