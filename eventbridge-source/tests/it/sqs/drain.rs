//! With `once` a run ends when the queue is drained.

use eventbridge_source::sqs::simulator::{Call, Queue, SqsSimulator};
use tokio::time::Instant;

use super::harness::{Harness, envelopes, secs};

#[tokio::test(start_paused = true)]
async fn once_ends_after_two_looks_at_an_empty_queue() {
    let harness = Harness::new(SqsSimulator::builder());
    let looks_before = harness.queue.calls(Call::Attributes);
    assert_eq!(harness.run().await.received, 0);
    // One more call when the source was opened.
    assert_eq!(harness.queue.calls(Call::Attributes) - looks_before, 3);
}

#[tokio::test(start_paused = true)]
async fn once_waits_for_messages_in_flight_with_another_consumer() {
    let bodies = envelopes(4);
    let harness = Harness::with(
        SqsSimulator::builder().visibility_timeout(secs(30)),
        &bodies,
    );
    // Another consumer takes them and dies.
    let taken = harness.queue.receive(secs(0), secs(30)).await.unwrap();
    assert_eq!(taken.messages.len(), 4);
    let start = Instant::now();
    assert_eq!(harness.run().await.delivered, 4);
    assert!(start.elapsed() >= secs(30));
    harness.assert_all_once(&bodies);
}

#[tokio::test(start_paused = true)]
async fn once_waits_for_delayed_messages() {
    let bodies = envelopes(2);
    let harness = Harness::with(SqsSimulator::builder().delay(secs(60)), &bodies);
    assert_eq!(harness.run().await.delivered, 2);
    harness.assert_all_once(&bodies);
}

#[tokio::test(start_paused = true)]
async fn source_without_once_waits_for_more() {
    let harness = Harness::new(SqsSimulator::builder());
    let source = eventbridge_source::sqs::SqsSource::builder().queue(harness.queue.clone());
    let source = source.open().await.unwrap();
    let bodies = envelopes(3);
    let later = async {
        tokio::time::sleep(secs(3600)).await;
        for body in &bodies {
            harness.queue.send(body.clone());
        }
        tokio::time::sleep(secs(5)).await;
    };
    let summary = harness
        .pipeline(source)
        .build()
        .unwrap()
        .run(later)
        .await
        .unwrap();
    assert_eq!(summary.delivered, 3);
    harness.assert_all_once(&bodies);
    let receives = harness.queue.calls(Call::Receive);
    assert!(
        receives <= 3600 / 20 + 8,
        "one long poll at a time while it is quiet: {receives}"
    );
}
