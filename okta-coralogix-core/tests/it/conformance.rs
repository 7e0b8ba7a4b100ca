//! The stores, sources and sinks of this crate keep their contracts.

use std::sync::Arc;

use futures::FutureExt;
use okta_coralogix_core::checkpoint::FileCheckpoint;
use okta_coralogix_core::sink::NdjsonSink;
use okta_coralogix_core::testing::conformance::{self, SinkUnderTest, SourceUnderTest};
use okta_coralogix_core::testing::{MemoryCheckpoint, MemorySink, MemorySource};
use okta_coralogix_core::{AckOrder, Error, ErrorKind, EventSource, LogSink};

use crate::pipeline::harness::pages;

#[tokio::test(start_paused = true)]
async fn memory_source_keeps_the_contract_in_both_orders() {
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

/// Holds `sink`, which ends in `memory`, to the contract.
async fn check(sink: &dyn LogSink, memory: &MemorySink) {
    let answer = |kind| {
        memory.refuse_all(match kind {
            None => None,
            Some(ErrorKind::TooLarge) => Some(|| Error::new(ErrorKind::TooLarge, "too large")),
            Some(ErrorKind::Rejected) => Some(|| Error::new(ErrorKind::Rejected, "rejected")),
            Some(ErrorKind::Unauthorized) => Some(|| Error::new(ErrorKind::Unauthorized, "no")),
            Some(_) => Some(|| Error::temporary(ErrorKind::Unavailable, "later")),
        });
    };
    let arrived = || {
        let texts = memory.arrived();
        texts
            .iter()
            .map(|text| String::from_utf8_lossy(text).into_owned())
            .collect()
    };
    conformance::sink(&SinkUnderTest {
        sink,
        arrived: &arrived,
        answer: &answer,
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn memory_sink_keeps_the_contract() {
    let memory = MemorySink::new();
    check(&Arc::new(memory.clone()), &memory).await;
}

#[tokio::test]
async fn ndjson_file_sink_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("entries.ndjson");
    let arrived = || {
        let lines = std::fs::read_to_string(&path).unwrap();
        let text = |line: &str| {
            let entry: serde_json::Value = serde_json::from_str(line).unwrap();
            entry["text"].as_str().unwrap().to_owned()
        };
        lines.lines().map(text).collect()
    };
    conformance::sink_that_accepts_everything(&NdjsonSink::file(&path), &arrived).await;
}

#[tokio::test]
async fn memory_checkpoint_keeps_the_contract() {
    conformance::checkpoint_store(&MemoryCheckpoint::default()).await;
}

#[tokio::test]
async fn file_checkpoint_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileCheckpoint::open(folder.path().join("checkpoint"))
        .await
        .unwrap();
    conformance::checkpoint_store(&store).await;
}
