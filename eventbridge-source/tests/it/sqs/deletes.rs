//! Deletions that fail, by the entry and by the call, and handles that go stale.

use eventbridge_source::sqs::simulator::{Call, Queue, SqsSimulator, StaleHandle};
use okta_coralogix_core::testing::MemorySink;
use okta_coralogix_core::{Error, ErrorKind};

use super::harness::{Harness, envelopes, secs};

#[tokio::test(start_paused = true)]
async fn delete_entries_that_fail_for_a_while_are_retried() {
    let bodies = envelopes(200);
    let harness = Harness::with(SqsSimulator::builder(), &bodies);
    // One of three fails, up to three times in a row.
    harness.queue.fail_deletes((0..120).map(|_| false));
    let summary = harness.run().await;
    assert_eq!(summary.delivered, 200);
    harness.assert_all_once(&bodies);
    assert_eq!(harness.queue.receives(), 200, "none came back for it");
    assert!(harness.queue.calls(Call::Delete) > 20);
}

#[tokio::test(start_paused = true)]
async fn delete_calls_that_fail_for_a_while_are_retried() {
    let bodies = envelopes(100);
    let harness = Harness::with(SqsSimulator::builder(), &bodies);
    let fault = || Error::temporary(ErrorKind::Unavailable, "HTTP 503");
    harness
        .queue
        .fail_calls(Call::Delete, (0..25).map(|_| fault()));
    harness
        .queue
        .fail_calls(Call::Receive, (0..3).map(|_| fault()));
    harness
        .queue
        .fail_calls(Call::Attributes, [fault()].into_iter().take(0));
    assert_eq!(harness.run().await.delivered, 100);
    harness.assert_all_once(&bodies);
}

#[tokio::test(start_paused = true)]
async fn message_whose_handle_is_refused_comes_back_as_a_duplicate() {
    let bodies = envelopes(20);
    let harness = Harness::with(SqsSimulator::builder(), &bodies);
    harness.queue.fail_deletes([true, true, true]);
    let summary = harness.run().await;
    assert_eq!((summary.delivered, summary.duplicate), (20, 3));
    harness.assert_all_once(&bodies);
}

#[tokio::test(start_paused = true)]
async fn message_received_again_is_deleted_by_its_latest_handle() {
    for stale in [StaleHandle::Ignored, StaleHandle::Refused] {
        let mut bodies = envelopes(9);
        bodies.push("no event, and no uuid".into());
        let queue = SqsSimulator::builder().stale_handles(stale);
        let mut harness = Harness::with(queue, &bodies);
        harness.sink = MemorySink::new().with_latency(secs(10));
        let queue = harness.queue.clone();
        let run = async { (harness.run().await, ()) };
        let again = async {
            // The queue gives everything a second time while the first copies are on their way to the sink.
            tokio::time::sleep(secs(3)).await;
            queue.show_all();
            tokio::time::sleep(secs(2)).await;
            assert_eq!(
                queue.deleted(),
                0,
                "the dead-lettered message waits for the others of its delivery"
            );
        };
        let ((summary, ()), ()) = tokio::join!(run, again);
        assert_eq!(summary.received, 10, "the copies are the same messages");
        assert_eq!((summary.delivered, summary.dead_lettered), (9, 1));
        assert_eq!(harness.queue.receives(), 20, "{stale:?}");
        assert_eq!(harness.dead_letters.records().len(), 1);
        harness.assert_all_once(&bodies[..9]);
    }
}

#[tokio::test(start_paused = true)]
async fn stale_handle_deletes_nothing_and_its_entry_fails_where_it_is_refused() {
    for (stale, failed) in [(StaleHandle::Ignored, 0), (StaleHandle::Refused, 1)] {
        let queue = SqsSimulator::builder().stale_handles(stale).build();
        queue.send("{}");
        let receive = async || queue.receive(secs(0), secs(0)).await.unwrap().messages;
        let [first, second] = [receive().await, receive().await];
        let [first, second] = [&first[0].handle, &second[0].handle].map(|handle| [handle.clone()]);
        let entries = queue.delete(&first).await.unwrap();
        assert_eq!(entries.len(), failed, "{stale:?}");
        assert!(entries.iter().all(|entry| entry.is_permanent));
        assert_eq!(queue.deleted(), 0, "{stale:?}");
        assert!(queue.delete(&second).await.unwrap().is_empty());
        assert_eq!(queue.deleted(), 1, "{stale:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn delete_permission_that_is_missing_ends_the_run() {
    let harness = Harness::with(SqsSimulator::builder(), &envelopes(5));
    let refused = Error::new(ErrorKind::Forbidden, "sqs:DeleteMessage is missing");
    harness.queue.fail_calls(Call::Delete, [refused]);
    let source = harness.source().await;
    let run = harness
        .pipeline(source)
        .build()
        .unwrap()
        .run(std::future::pending());
    assert_eq!(run.await.unwrap_err().error.kind(), ErrorKind::Forbidden);
}
