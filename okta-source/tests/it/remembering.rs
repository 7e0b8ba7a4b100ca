//! What was delivered beyond the stored position is remembered however a run ends, and a checkpoint that cannot be written is
//! found before anything is sent.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::TimeDelta;
use okta_coralogix_core::checkpoint::CheckpointStore;
use okta_coralogix_core::dead_letter::{DeadLetter, DeadLetters};
use okta_coralogix_core::internal::Claim;
use okta_coralogix_core::pipeline::RunError;
use okta_coralogix_core::sink::{Batch, BatchLimits, EncodeError};
use okta_coralogix_core::testing::MemorySink;
use okta_coralogix_core::{
    Error, ErrorKind, EventSource, LogEntry, LogSink, Pipeline, Result, Summary,
};
use okta_source::OktaSource;
use tokio::time::sleep;

use crate::harness::{Harness, Next, failed, given, numbers, settle};

/// Answers 503 to each request with the event 0, and accepts all others.
#[derive(Debug)]
struct BusyAtTheFirst(MemorySink);

#[async_trait]
impl LogSink for BusyAtTheFirst {
    fn limits(&self) -> BatchLimits {
        self.0.limits()
    }

    fn encode(&self, entries: &[LogEntry]) -> Result<Batch, EncodeError> {
        self.0.encode(entries)
    }

    async fn send(&self, batch: &Batch) -> okta_coralogix_core::Result<()> {
        let first = br#""uuid":"first""#;
        if batch.body.windows(first.len()).any(|text| text == first) {
            return Err(Error::temporary(ErrorKind::Unavailable, "503"));
        }
        self.0.send(batch).await
    }
}

async fn whole_run(source: OktaSource, harness: &Harness, sink: &MemorySink) -> Summary {
    let pipeline = Pipeline::builder(source, sink.clone());
    let pipeline = pipeline.clock(Arc::clone(&harness.clock)).build().unwrap();
    pipeline.run(std::future::pending()).await.unwrap()
}

fn assert_all_once(counts: &HashMap<Bytes, usize>, events: usize) {
    assert_eq!(counts.len(), events);
    assert!(counts.values().all(|count| *count == 1));
}

#[tokio::test(start_paused = true)]
async fn run_stopped_while_one_request_waits_repeats_nothing_later() {
    for is_first_life in [true, false] {
        let harness = Harness::new();
        let sink = MemorySink::new();
        let mut all = 0;
        if !is_first_life {
            harness.append(0..500);
            all = 500;
            let once = harness.builder().once(true).open().await.unwrap();
            whole_run(once, &harness, &sink).await;
        }
        let before = harness.store.cursor();
        let first = harness.clock.now() - TimeDelta::minutes(1);
        let first = crate::harness::event(0, first).replace(r#""0""#, r#""first""#);
        harness.org.append_all([first]);
        harness.append(all + 1..all + 4_000);
        let busy = BusyAtTheFirst(sink.clone());
        let pipeline = Pipeline::builder(harness.open().await, busy).build();
        let stopped = pipeline.unwrap().run(sleep(Duration::from_secs(20))).await;
        let (delivered, back) = stopped
            .map(|summary| (summary.delivered, summary.handed_back))
            .unwrap();
        assert!(delivered >= 3_000 && back >= 1, "{delivered} {back}");
        if !is_first_life {
            assert_eq!(
                harness.store.cursor(),
                before,
                "the position is the old one"
            );
        }
        let once = harness.builder().once(true).open().await.unwrap();
        let summary = whole_run(once, &harness, &sink).await;
        assert_eq!(
            (summary.duplicate, summary.delivered),
            (delivered, 4_000 - delivered)
        );
        assert_all_once(&sink.counts(), all as usize + 4_000);
    }
}

/// Five lives of a program whose supervisor starts it again each time.
#[tokio::test(start_paused = true)]
async fn dead_letters_that_fail_in_each_life_repeat_no_event() {
    let harness = Harness::new();
    let sink = MemorySink::new();
    harness.append(0..1_500);
    harness.org.append_all([r#"{"no":"published"}"#.to_owned()]);
    for life in 0..5 {
        let failed = stopped_by_a_dead_letter(&harness, &sink).await;
        assert_eq!(failed.error.kind(), ErrorKind::NoDeadLetters, "{life}");
    }
    assert!(sink.counts().len() >= 1_000);
    let counts = sink.counts().into_values();
    assert_eq!(counts.max(), Some(1), "in five lives");
}

/// A disk that is full, which shows after a while: the others of the page are delivered meanwhile.
#[derive(Debug)]
struct FullDisk;

#[async_trait]
impl DeadLetters for FullDisk {
    async fn write(&self, _: &[DeadLetter]) -> Result<()> {
        sleep(Duration::from_secs(1)).await;
        Err(Error::new(ErrorKind::Storage, "the disk is full"))
    }
}

#[tokio::test(start_paused = true)]
async fn full_disk_of_dead_letters_in_each_life_repeats_no_event() {
    let harness = Harness::new();
    let sink = MemorySink::new();
    harness.append(0..500);
    harness.org.append_all([r#"{"no":"published"}"#.to_owned()]);
    for life in 0..5 {
        let pipeline = Pipeline::builder(harness.open().await, sink.clone())
            .dead_letters(FullDisk)
            .clock(Arc::clone(&harness.clock));
        let run = pipeline.build().unwrap().run(std::future::pending());
        let failed = run.await.unwrap_err();
        assert_eq!(failed.error.kind(), ErrorKind::Storage, "{life}");
    }
    assert_eq!(sink.counts().len(), 500);
    let counts = sink.counts().into_values();
    assert_eq!(counts.max(), Some(1), "in five lives");
}

async fn stopped_by_a_dead_letter(harness: &Harness, sink: &MemorySink) -> RunError {
    let pipeline = Pipeline::builder(harness.open().await, sink.clone());
    let pipeline = pipeline.clock(Arc::clone(&harness.clock)).build().unwrap();
    pipeline.run(std::future::pending()).await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn checkpoint_that_cannot_be_written_stops_the_run_before_it_sends() {
    for is_first_life in [true, false] {
        let harness = Harness::new();
        let sink = MemorySink::new();
        if !is_first_life {
            harness.append(0..10);
            let once = harness.builder().once(true).open().await.unwrap();
            whole_run(once, &harness, &sink).await;
        }
        let arrived = sink.arrived().len();
        harness.append(10..500);
        harness.store.next_save(Next::Fail(ErrorKind::Storage));
        let pipeline = Pipeline::builder(harness.open().await, sink.clone()).build();
        let failed = pipeline.unwrap().run(std::future::pending()).await;
        assert_eq!(failed.unwrap_err().error.kind(), ErrorKind::Storage);
        assert_eq!(sink.arrived().len(), arrived, "nothing was sent");
    }
}

#[tokio::test(start_paused = true)]
async fn page_is_given_once_the_checkpoint_can_be_written() {
    let harness = Harness::new();
    harness.append(0..3);
    let mut source = harness.open().await;
    harness.store.next_save(Next::Fail(ErrorKind::Storage));
    assert_eq!(failed(&mut source).await.kind(), ErrorKind::Storage);
    assert_eq!(numbers(&given(&mut source).await), [0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn checkpoint_is_tried_once_in_the_life_of_a_source() {
    let harness = Harness::new();
    harness.append(0..2_500);
    let mut source = harness.open().await;
    for saves in 2..5 {
        settle(given(&mut source).await).await.unwrap();
        assert_eq!(harness.store.saves(), saves);
    }
    source.close().await.unwrap();
    assert_eq!(harness.store.saves(), 4, "there is nothing new to save");
}

#[tokio::test(start_paused = true)]
async fn stored_start_holds_whatever_the_settings_say_later() {
    let harness = Harness::new();
    harness.append(0..3);
    let mut source = harness.open().await;
    drop(given(&mut source).await);
    let first = harness.last_request();
    drop(source);
    // Neither a later time nor a later start skips what was not settled.
    for since in [Duration::from_secs(86_400), Duration::from_secs(1)] {
        tokio::time::advance(Duration::from_secs(3_600)).await;
        let mut source = harness.builder().since(since).open().await.unwrap();
        assert_eq!(numbers(&given(&mut source).await), [0, 1, 2]);
        assert_eq!(harness.last_request(), first);
    }
    let earlier = harness.clock.now() - TimeDelta::days(9);
    let mut source = harness.builder().since(earlier).open().await.unwrap();
    assert_eq!(numbers(&given(&mut source).await), [0, 1, 2]);
    let asked = harness.last_request();
    assert!(asked.contains("since=2026-11-13T"), "{asked}");
}

/// A version that does not know a stored start follows it as a link.
#[tokio::test(start_paused = true)]
async fn stored_start_is_a_request_that_can_be_followed() {
    let harness = Harness::new();
    harness.append(0..3);
    let mut source = harness
        .builder()
        .filter("eventType eq \"user.session.start\"")
        .open()
        .await
        .unwrap();
    drop(given(&mut source).await);
    let stored = harness.store.stored().unwrap();
    assert_eq!(
        stored.strip_suffix("#start"),
        Some(&*harness.last_request())
    );
}

#[tokio::test(start_paused = true)]
async fn start_that_an_answer_corrects_is_stored_corrected() {
    let skew = TimeDelta::days(-2);
    let harness = Harness::with(|org| org.clock_skew(skew));
    harness.append(0..3);
    let mut source = harness.open().await;
    drop(given(&mut source).await);
    let stored = harness.store.stored().unwrap();
    assert!(stored.contains("since=2026-11-19T10"), "{stored}");
}

#[tokio::test(start_paused = true)]
async fn save_at_the_end_whose_answer_was_lost_is_found_and_repeated() {
    for hang in [Next::HangBefore, Next::HangAfter] {
        let harness = Harness::new();
        harness.append(0..3);
        let mut source = harness.open().await;
        let page = given(&mut source).await;
        let uuid = page.items[0].as_ref().unwrap().uuid().unwrap().into_owned();
        match source.dedup_window().claim(&uuid) {
            Claim::New(held) => held.remember(),
            other => panic!("{other:?}"),
        }
        drop(page);
        harness.store.next_save(hang);
        let closed = tokio::time::timeout(Duration::from_secs(1), source.close()).await;
        assert!(closed.is_err(), "it hangs");
        source.close().await.unwrap();
        let stored = harness.store.load().await.unwrap().unwrap();
        assert_eq!(stored.value.dedup.len(), 1, "{hang:?}");
        let mut again = harness.open().await;
        let page = given(&mut again).await;
        assert!(matches!(
            again.dedup_window().claim(&uuid),
            Claim::Duplicate
        ));
        settle(page).await.unwrap();
        assert!(harness.store.cursor().unwrap().contains("_3"));
    }
}
