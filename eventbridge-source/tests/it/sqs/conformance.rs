//! The suite that every source passes.

use eventbridge_source::sqs::SqsSource;
use eventbridge_source::sqs::simulator::SqsSimulator;
use okta_coralogix_core::testing::EventGenerator;
use okta_coralogix_core::testing::conformance::{self, SourceUnderTest};

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
