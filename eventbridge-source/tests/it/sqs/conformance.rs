//! The suite that every source passes.

use std::collections::HashSet;

use eventbridge_source::sqs::SqsSource;
use eventbridge_source::sqs::simulator::SqsSimulator;
use futures::FutureExt;
use okta_coralogix_core::EventSource;
use okta_coralogix_core::testing::{EventGenerator, conformance};

use super::harness::start;

#[tokio::test(start_paused = true)]
async fn the_source_keeps_its_contract() {
    let queue = SqsSimulator::builder().build();
    let mut uuids = HashSet::new();
    for event in EventGenerator::new(5).batch(60, start()) {
        queue.send(event.json);
        uuids.insert(event.uuid);
    }
    let opened = queue.clone();
    let open = move || {
        let queue = opened.clone();
        async move {
            // The consumer that opened it before is gone, and its messages are back.
            queue.show_all();
            let source = SqsSource::builder()
                .queue(queue)
                .once(true)
                .max_concurrent_receives(1);
            let source = source
                .max_prefetched_messages(10)
                .max_delivery_messages(10)
                .open()
                .await
                .unwrap();
            Box::new(source) as Box<dyn EventSource>
        }
        .boxed()
    };
    let test = conformance::SourceUnderTest { open: &open, uuids };
    conformance::source(&test).await;
    assert!(queue.depth_now().is_empty());
}
