//! The sources, sinks and stores of this crate.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt;
use okta_coralogix_core::checkpoint::{FileCheckpoint, Page, PagedSource, Pages};
use okta_coralogix_core::dead_letter::{DeadLetterRecord, DeadLetters, FileDeadLetters};
use okta_coralogix_core::sink::NdjsonSink;
use okta_coralogix_core::testing::conformance::{
    self, Answer, DeadLettersUnderTest, SinkUnderTest, SourceUnderTest,
};
use okta_coralogix_core::testing::{
    MemoryCheckpoint, MemoryDeadLetters, MemorySink, MemorySource, SinkFault,
};
use okta_coralogix_core::{AckOrder, Error, ErrorKind, EventSource, LogSink, RawEvent, Result};
use tokio::task::yield_now;

use crate::faulty_disk::{Fault, FaultyDisk};
use crate::pipeline::harness::pages;

/// A memory source of five pages, of which one has an item that is no event, opened by `open`.
pub(crate) fn memory_source<S: EventSource>(
    order: AckOrder,
    open: impl Fn(MemorySource) -> S + 'static,
) -> SourceUnderTest {
    let (mut pages, events) = pages(5, 6);
    pages[2].insert(3, "[1, 2]".into());
    let source = MemorySource::new(order, pages);
    let uuids = events.into_iter().map(|event| event.uuid);
    let open = move || std::future::ready(Ok(open(source.clone())));
    SourceUnderTest::new(uuids, open).malformed(["[1, 2]"])
}

#[tokio::test(start_paused = true)]
async fn memory_source_keeps_the_contract_in_both_orders() {
    for order in [AckOrder::Cumulative, AckOrder::Individual] {
        let remote = || async move { memory_source(order, |source| source) };
        conformance::source(remote).await;
        conformance::source_without_restart(remote).await;
    }
}

/// Holds `sink`, which ends in `memory`, to the contract.
pub(crate) async fn check(sink: &dyn LogSink, memory: &MemorySink) {
    check_with(sink, memory, |texts| texts).await;
}

/// [`check`], where `kept` is what the remote keeps of the texts that it has accepted.
pub(super) async fn check_with(
    sink: &dyn LogSink,
    memory: &MemorySink,
    kept: impl Fn(Vec<String>) -> Vec<String> + Sync,
) {
    let answer = |answer| {
        memory.refuse_all(None);
        memory.refuse_text(None);
        memory.clear_script();
        match answer {
            Answer::Refuse(ErrorKind::TooLarge) => {
                memory.refuse_all(Some(|| Error::new(ErrorKind::TooLarge, "too large")));
            }
            Answer::Refuse(ErrorKind::Rejected) => {
                memory.refuse_all(Some(|| Error::new(ErrorKind::Rejected, "rejected")));
            }
            Answer::Refuse(ErrorKind::Unauthorized) => {
                memory.refuse_all(Some(|| Error::new(ErrorKind::Unauthorized, "no")));
            }
            Answer::Refuse(_) => {
                memory.refuse_all(Some(|| Error::temporary(ErrorKind::Unavailable, "later")));
            }
            Answer::RefuseText(text) => memory.refuse_text(Some(text)),
            Answer::LoseAnswer => memory.script([SinkFault::LoseAnswer]),
            _ => {}
        }
    };
    let arrived = || {
        let texts = memory.arrived();
        let text = |text: &bytes::Bytes| String::from_utf8_lossy(text).into_owned();
        kept(texts.iter().map(text).collect())
    };
    conformance::sink(&SinkUnderTest::new(sink, &arrived, &answer)).await;
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
        let lines = std::fs::read_to_string(&path).unwrap_or_default();
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
    let store = MemoryCheckpoint::default();
    conformance::checkpoint_store(|| async { Ok(store.clone()) }).await;
}

#[tokio::test]
async fn file_checkpoint_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    conformance::checkpoint_store(|| FileCheckpoint::open(&path)).await;
}

#[tokio::test]
async fn memory_dead_letters_keep_the_contract() {
    let memory = MemoryDeadLetters::default();
    let open = || async { Box::new(memory.clone()) as Box<dyn DeadLetters> }.boxed_local();
    let kept = || {
        let records = memory.records();
        async move { records.iter().map(DeadLetterRecord::from).collect() }.boxed()
    };
    let fail = |fails| memory.set_failing(fails);
    let test = DeadLettersUnderTest::new(&open, &kept).fail(&fail);
    conformance::dead_letters(&test).await;
}

#[tokio::test]
async fn file_dead_letters_keep_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("letters.ndjson");
    let disk = FaultyDisk::default();
    let open = || {
        async {
            let builder = FileDeadLetters::builder(&path).disk(Arc::new(disk.clone()));
            Box::new(builder.open().await.unwrap()) as Box<dyn DeadLetters>
        }
        .boxed_local()
    };
    // A torn line is no record: readers pass over it.
    let kept = || {
        let lines = std::fs::read_to_string(&path).unwrap();
        let records = lines
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        let records: Vec<DeadLetterRecord> = records.collect();
        async move { records }.boxed()
    };
    let fail =
        |fails: bool| disk.set(fails.then_some(Fault::Append(std::io::ErrorKind::StorageFull)));
    let test = DeadLettersUnderTest::new(&open, &kept).fail(&fail);
    conformance::dead_letters(&test).await;
}

/// Pages behind their number.
#[derive(Debug, Clone)]
struct Numbered(Arc<Vec<Vec<Bytes>>>);

#[async_trait]
impl Pages for Numbered {
    async fn page_after(&mut self, cursor: Option<&str>) -> Result<Option<Page>> {
        yield_now().await;
        let number: usize = cursor.map_or(0, |cursor| cursor.parse().unwrap());
        let Some(page) = self.0.get(number) else {
            return Ok(None);
        };
        let item = |json: &Bytes| RawEvent::parse(json.clone(), Arc::default());
        let items = page.iter().map(item).collect();
        let next = (number + 1).to_string();
        Ok(Some(Page::new(items, next)))
    }
}

#[tokio::test(start_paused = true)]
async fn paged_source_keeps_the_contract() {
    let remote = || async {
        let (mut pages, events) = pages(5, 6);
        pages[2].insert(3, "[1, 2]".into());
        let pages = Numbered(Arc::new(pages));
        let uuids = events.into_iter().map(|event| event.uuid);
        let open = move |store| PagedSource::open(pages.clone(), store, "numbers", 20_000);
        SourceUnderTest::with_checkpoint(uuids, open).malformed(["[1, 2]"])
    };
    conformance::source(remote).await;
}
