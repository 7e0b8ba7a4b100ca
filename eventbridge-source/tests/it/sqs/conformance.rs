//! The suite that every source passes.

use std::time::Duration;

use eventbridge_source::sqs::SqsSource;
use eventbridge_source::sqs::simulator::{Queue, SqsSimulator};
use okta_coralogix_core::EventSource;
use okta_coralogix_core::testing::EventGenerator;
use okta_coralogix_core::testing::conformance::{self, SourceUnderTest};
use tokio::time::Instant;

use super::harness::start;

const MALFORMED: &str = "no event";

#[tokio::test(start_paused = true)]
async fn the_source_keeps_its_contract() {
    conformance::source(|| async {
        let queue = SqsSimulator::builder().build();
        let mut uuids = Vec::new();
        for event in EventGenerator::new(5).batch(60, start()) {
            queue.send(event.json);
            uuids.push(event.uuid);
        }
        queue.send(MALFORMED);
        let open = move || {
            // The consumer that opened it before is gone, and its messages are back.
            queue.show_all();
            let source = SqsSource::builder()
                .queue(queue.clone())
                .once(true)
                .max_concurrent_receives(1)
                .max_prefetched_messages(10)
                .max_delivery_messages(10);
            async move { source.open().await }
        };
        SourceUnderTest::new(uuids, open).malformed([MALFORMED])
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn closed_source_has_handed_back_what_was_not_settled() {
    let queue = SqsSimulator::builder().build();
    for event in EventGenerator::new(5).batch(20, start()) {
        queue.send(event.json);
    }
    let builder = SqsSource::builder().queue(Box::new(queue.clone()) as Box<dyn Queue>);
    let mut source = builder.max_delivery_messages(5).open().await.unwrap();
    let drain_handle = source.drain_handle();
    let delivery = source.next().await.unwrap().unwrap();
    assert!(queue.depth_now().in_flight > 0);
    drop(delivery);
    source.close().await.unwrap();
    assert_eq!(
        (queue.depth_now().visible, queue.depth_now().in_flight),
        (20, 0)
    );
    drain_handle.wait().await;
    // A delivery that is left is waited for in vain, for a while.
    let mut source = SqsSource::builder()
        .queue(queue.clone())
        .open()
        .await
        .unwrap();
    let left = source.next().await.unwrap().unwrap();
    let began = Instant::now();
    source.close().await.unwrap();
    assert!(began.elapsed() <= Duration::from_secs(5));
    drop((left, source));
}
