//! Bounds on prefetched bytes; message groups of a standard queue.

use bytes::Bytes;
use eventbridge_source::sqs::SqsSource;
use eventbridge_source::sqs::simulator::SqsSimulator;
use okta_coralogix_core::{EventSource, Outcome};
use tokio::time::timeout;

use super::harness::{Harness, envelopes, secs};

const MIB: usize = 1 << 20;

/// Messages of the most bytes that SQS takes.
#[tokio::test(start_paused = true)]
async fn large_messages_are_bounded_in_memory_and_all_delivered() {
    const MESSAGES: usize = 200;
    let mut body = envelopes(1).remove(0).to_vec();
    body.resize(MIB, b' ');
    let harness = Harness::with(SqsSimulator::builder(), &vec![Bytes::from(body); MESSAGES]);
    let mut source = harness.source().await;
    let mut given = 0;
    while let Some(delivery) = source.next().await.unwrap() {
        let count = delivery.items.len();
        assert!(count <= 16, "a delivery of {count} MiB");
        // 32 MiB wait at most, and each of 4 receives may bring 10 more.
        let held = harness.queue.depth_now().in_flight as usize;
        assert!(held <= 16 + 32 + 4 * 10, "{held} MiB are held");
        given += count;
        let settled = vec![Outcome::Settled; count];
        delivery.acker.settle(&settled).await.unwrap();
    }
    assert_eq!(given, MESSAGES);
    assert!(harness.queue.depth_now().is_empty());
}

/// There a group is only a hint for fair queues.
#[tokio::test(start_paused = true)]
async fn standard_queue_ignores_message_groups() {
    let harness = Harness::new(SqsSimulator::builder());
    for body in envelopes(3) {
        harness.queue.send_in_group("a", body);
    }
    let source = SqsSource::builder()
        .queue(harness.queue.clone())
        .max_delivery_messages(1);
    let mut source = source.seed(1).open().await.unwrap();
    let mut held = Vec::new();
    for _ in 0..3 {
        let delivery = timeout(secs(60), source.next()).await;
        held.push(delivery.expect("it does not wait").unwrap().unwrap());
    }
    let [first, second, third] = <[_; 3]>::try_from(held).unwrap();
    // A message that is handed back affects no other.
    first.acker.settle(&[Outcome::HandedBack]).await.unwrap();
    second.acker.settle(&[Outcome::Settled]).await.unwrap();
    third.acker.settle(&[Outcome::Settled]).await.unwrap();
    assert_eq!(harness.queue.deleted(), 2);
}
