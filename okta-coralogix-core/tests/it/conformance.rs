//! The memory ends keep the contracts that they stand in for.

use std::sync::Arc;

use futures::FutureExt;
use okta_coralogix_core::checkpoint::FileCheckpoint;
use okta_coralogix_core::testing::conformance::{self, Refusal, SinkUnderTest, SourceUnderTest};
use okta_coralogix_core::testing::{MemoryCheckpoint, MemorySink, MemorySource};
use okta_coralogix_core::{AckOrder, Error, ErrorKind, EventSource};

use crate::pipeline::world::pages;

#[tokio::test(start_paused = true)]
async fn the_memory_source_keeps_the_contract_in_both_orders() {
    for order in [AckOrder::Cumulative, AckOrder::Individual] {
        let (pages, events) = pages(5, 20);
        let source = MemorySource::new(order, pages);
        let open = || {
            let source = source.clone();
            async move { Box::new(source) as Box<dyn EventSource> }.boxed()
        };
        let uuids = events.into_iter().map(|event| event.uuid).collect();
        conformance::source(&SourceUnderTest { open: &open, uuids }).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_memory_sink_keeps_the_contract() {
    let memory = MemorySink::new();
    let answer = |refusal| {
        memory.refuse_all(match refusal {
            Refusal::None => None,
            Refusal::TooLarge => Some(|| Error::new(ErrorKind::TooLarge, "too large")),
            Refusal::Rejected => Some(|| Error::new(ErrorKind::Rejected, "rejected")),
            Refusal::Unauthorized => Some(|| Error::new(ErrorKind::Unauthorized, "no")),
            Refusal::Unavailable => Some(|| Error::temporary(ErrorKind::Unavailable, "later")),
        });
    };
    let arrived = || {
        let texts = memory.arrived();
        texts
            .iter()
            .map(|text| String::from_utf8_lossy(text).into_owned())
            .collect()
    };
    let sink = Arc::new(memory.clone());
    conformance::sink(&SinkUnderTest {
        sink: &sink,
        arrived: &arrived,
        answer: &answer,
    })
    .await;
}

#[tokio::test]
async fn the_memory_checkpoint_keeps_the_contract() {
    conformance::checkpoint_store(&MemoryCheckpoint::default()).await;
}

#[tokio::test]
async fn the_file_checkpoint_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileCheckpoint::open(folder.path().join("checkpoint.json"))
        .await
        .unwrap();
    conformance::checkpoint_store(&store).await;
}
