//! Each way in which an event can end, and each way in which a run can.

use std::time::Duration;

use okta_coralogix_core::dead_letter::DeadLetterReason;
use okta_coralogix_core::filter::EventTypeFilter;
use okta_coralogix_core::mapping::MappingError;
use okta_coralogix_core::pipeline::RunError;
use okta_coralogix_core::testing::{MemorySink, MemorySource};
use okta_coralogix_core::{
    AckOrder, CoralogixMapping, Error, ErrorKind, LogEntry, Mapping, Pipeline, RawEvent,
};
use tokio::time::{Instant, sleep};

use super::harness::{Harness, pages, run, run_until};

#[tokio::test(start_paused = true)]
async fn events_are_delivered_once_and_pages_settled_in_order() {
    for order in [AckOrder::Cumulative, AckOrder::Individual] {
        let (pages, events) = pages(20, 300);
        let harness = Harness::new(order, pages);
        let summary = harness.run().await;
        assert_eq!((summary.received, summary.delivered), (6000, 6000));
        harness.assert_all_once(&events);
        let settled = harness.source.settled_pages();
        assert_eq!(settled.len(), 20);
        if order == AckOrder::Cumulative {
            assert!(settled.is_sorted(), "{settled:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn malformed_event_is_dead_lettered_with_its_bytes() {
    let (mut pages, events) = pages(1, 1000);
    let bad = &b"{\"uuid\":\"no published\"}"[..];
    pages[0].insert(500, bad.into());
    let harness = Harness::new(AckOrder::Cumulative, pages);
    let summary = harness.run().await;
    assert_eq!((summary.delivered, summary.dead_lettered), (1000, 1));
    harness.assert_all_once(&events);
    let letters = harness.dead_letters.records();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].reason, DeadLetterReason::Malformed);
    assert_eq!(letters[0].bytes, bad);
    assert!(
        letters[0].detail.contains("published"),
        "{}",
        letters[0].detail
    );
}

#[tokio::test(start_paused = true)]
async fn filtered_events_are_counted_and_settled() {
    let (pages, events) = pages(2, 100);
    let harness = Harness::new(AckOrder::Cumulative, pages);
    let none: [&str; 0] = [];
    let deny = EventTypeFilter::new(none, ["user.*"]).unwrap();
    let summary = run(harness.builder().filter(deny.clone())).await.unwrap();
    let kept = events.iter().filter(|event| {
        let event: serde_json::Value = serde_json::from_slice(&event.json).unwrap();
        deny.allows(event["eventType"].as_str().unwrap())
    });
    let kept: Vec<_> = kept.cloned().collect();
    assert!(
        !kept.is_empty() && kept.len() < events.len(),
        "the generator mixes types"
    );
    harness.assert_all_once(&kept);
    assert_eq!(summary.filtered as usize, events.len() - kept.len());
    assert_eq!(harness.source.settled_events(), events.len());
}

/// Makes no entry of the events that hold this text.
#[derive(Debug)]
struct Refusing(String, CoralogixMapping);

impl Mapping for Refusing {
    fn map(&self, event: &RawEvent) -> Result<LogEntry, MappingError> {
        let json = event.json();
        let text = std::str::from_utf8(&json).unwrap();
        match text.contains(&self.0) {
            true => Err(MappingError::new("no entry for it")),
            false => self.1.map(event),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn event_that_cannot_be_mapped_is_dead_lettered_with_its_bytes() {
    let (pages, events) = pages(2, 50);
    let harness = Harness::new(AckOrder::Cumulative, pages);
    let unmappable = events[60].clone();
    let mapping = CoralogixMapping::builder().build().unwrap();
    let mapping = Refusing(unmappable.uuid.clone(), mapping);
    let summary = run(harness.builder().mapping(mapping)).await.unwrap();
    let others: Vec<_> = events
        .into_iter()
        .filter(|event| event.uuid != unmappable.uuid)
        .collect();
    harness.assert_all_once(&others);
    assert_eq!((summary.delivered, summary.dead_lettered), (99, 1));
    let letter = &harness.dead_letters.records()[0];
    assert_eq!(letter.reason, DeadLetterReason::Unmappable);
    assert_eq!(letter.detail, "no entry for it");
    assert_eq!(letter.bytes, unmappable.json);
    assert_eq!(harness.source.settled_events(), 100);
}

#[tokio::test(start_paused = true)]
async fn malformed_event_without_dead_letters_ends_the_run() {
    let (mut pages, _) = pages(1, 10);
    pages[0].push("nonsense".into());
    let harness = Harness::new(AckOrder::Cumulative, pages);
    let builder = Pipeline::builder(harness.source.clone(), harness.sink.clone())
        .clock(harness.clock.clone());
    let failed = run(builder).await.unwrap_err();
    assert_eq!(failed.error.kind(), ErrorKind::NoDeadLetters);
    assert_eq!(harness.source.settled_events(), 0);
}

#[tokio::test(start_paused = true)]
async fn dead_letter_disk_full_ends_the_run_and_settles_nothing() {
    let (mut pages, _) = pages(1, 10);
    pages[0].push("nonsense".into());
    let harness = Harness::new(AckOrder::Cumulative, pages);
    harness.dead_letters.set_failing(true);
    let failed = run(harness.builder()).await.unwrap_err();
    assert_eq!(failed.error.kind(), ErrorKind::Storage);
    assert_eq!(
        (
            failed.summary.dead_lettered,
            failed.summary.handed_back >= 1
        ),
        (0, true)
    );
    assert_eq!(harness.source.settled_events(), 0);
}

#[tokio::test(start_paused = true)]
async fn api_key_refusal_ends_the_run_and_consumes_no_event() {
    for kind in [
        ErrorKind::Unauthorized,
        ErrorKind::Forbidden,
        ErrorKind::WrongEndpoint,
    ] {
        let (pages, events) = pages(10, 500);
        let harness = Harness::new(AckOrder::Cumulative, pages);
        harness.sink.refuse_all(Some(match kind {
            ErrorKind::Unauthorized => || Error::new(ErrorKind::Unauthorized, "wrong key"),
            ErrorKind::Forbidden => || Error::new(ErrorKind::Forbidden, "no right"),
            _ => || Error::new(ErrorKind::WrongEndpoint, "not an ingress"),
        }));
        let failed = run(harness.builder()).await.unwrap_err();
        assert_eq!(failed.error.kind(), kind);
        assert_eq!(failed.summary.handed_back, failed.summary.received);
        assert_eq!(harness.source.settled_events(), 0);
        assert!(harness.dead_letters.records().is_empty());

        harness.sink.refuse_all(None);
        harness.run().await;
        harness.assert_all_once(&events);
    }
}

#[tokio::test(start_paused = true)]
async fn acknowledgement_failure_that_is_permanent_ends_the_run() {
    let (pages, _) = pages(1, 10);
    let full = || Error::new(ErrorKind::Storage, "disk full");
    let source = MemorySource::new(AckOrder::Cumulative, pages).with_failing_acks(full);
    let failed = run(Harness::of(source, MemorySink::new()).builder())
        .await
        .unwrap_err();
    assert_eq!(failed.error.kind(), ErrorKind::Storage);
    assert_eq!(failed.summary.delivered, 10);
}

#[tokio::test(start_paused = true)]
async fn shutdown_finishes_events_in_flight_and_receives_no_more() {
    let (pages, _) = pages(40, 500);
    let source = MemorySource::new(AckOrder::Cumulative, pages);
    let harness = Harness::of(
        source,
        MemorySink::new().with_latency(Duration::from_secs(1)),
    );
    let summary = run_until(harness.builder(), sleep(Duration::from_millis(2500)))
        .await
        .unwrap();
    assert!(
        summary.delivered > 0 && summary.received < 20_000,
        "{summary:?}"
    );
    assert_eq!(summary.handed_back, 0);
    assert_eq!(harness.source.settled_events() as u64, summary.delivered);
}

#[tokio::test(start_paused = true)]
async fn shutdown_during_a_sink_outage_hands_everything_back_in_time() {
    let (pages, events) = pages(4, 500);
    let harness = Harness::new(AckOrder::Cumulative, pages);
    harness.sink.fail_for(Duration::from_secs(3600));
    let began = Instant::now();
    let builder = harness.builder().drain_timeout(Duration::from_secs(20));
    let summary = run_until(builder, sleep(Duration::from_secs(100)))
        .await
        .unwrap();
    assert_eq!(began.elapsed().as_secs(), 120);
    assert_eq!(
        (summary.delivered, summary.handed_back),
        (0, summary.received)
    );
    tokio::time::advance(Duration::from_secs(3600)).await;
    harness.run().await;
    harness.assert_all_once(&events);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_run_loses_nothing() {
    let (pages, events) = pages(10, 300);
    let slow = Duration::from_secs(1);
    let source = MemorySource::new(AckOrder::Cumulative, pages).with_slow_acks(slow);
    let harness = Harness::of(source, MemorySink::new().with_latency(slow));
    for _ in 0..3 {
        let pipeline = harness
            .builder()
            .max_in_flight_deliveries(2)
            .max_in_flight_events(4000)
            .build()
            .unwrap();
        let cut = tokio::time::timeout(
            Duration::from_millis(2500),
            pipeline.run(std::future::pending()),
        )
        .await;
        assert!(cut.is_err());
    }
    harness.run().await;
    let counts = harness.sink.counts();
    assert!(events.iter().all(|event| counts.contains_key(&event.json)));
    assert_eq!(harness.source.settled_events(), events.len());
}

/// The end of a run that gives up because of this fault.
async fn gives_up_after_600_seconds(harness: &Harness, fault: &str) -> RunError {
    let began = Instant::now();
    let failed = run(harness.builder().give_up_after(Duration::from_secs(600)))
        .await
        .unwrap_err();
    assert_eq!(failed.error.kind(), ErrorKind::GaveUp);
    assert!(failed.error.to_string().contains(fault), "{}", failed.error);
    assert_eq!(began.elapsed().as_secs(), 600);
    failed
}

#[tokio::test(start_paused = true)]
async fn run_without_progress_gives_up_and_says_why() {
    let (pages, _) = pages(4, 500);
    let harness = Harness::new(AckOrder::Cumulative, pages);
    harness.sink.fail_for(Duration::from_secs(3600));
    let failed = gives_up_after_600_seconds(&harness, "the sink is down").await;
    assert_eq!(failed.summary.handed_back, failed.summary.received);
}

#[tokio::test(start_paused = true)]
async fn event_without_a_uuid_is_delivered_and_never_a_duplicate() {
    let event = r#"{"published":"2026-11-22T11:00:00Z"}"#;
    let empty = r#"{"uuid":"","published":"2026-11-22T11:00:00Z"}"#;
    let page = vec![event.into(), event.into(), empty.into(), empty.into()];
    let harness = Harness::new(AckOrder::Individual, vec![page]);
    assert_eq!(harness.run().await.delivered, 4);
}

#[tokio::test(start_paused = true)]
async fn acknowledgement_failure_that_is_temporary_is_retried_until_give_up() {
    let (pages, _) = pages(1, 10);
    let away = || Error::temporary(ErrorKind::Network, "the store is away");
    let source = MemorySource::new(AckOrder::Cumulative, pages).with_failing_acks(away);
    let harness = Harness::of(source, MemorySink::new());
    let failed = gives_up_after_600_seconds(&harness, "the store is away").await;
    assert!(
        failed.summary.received < 1000,
        "the source is held back: {:?}",
        failed.summary
    );
}

#[tokio::test(start_paused = true)]
async fn acknowledgement_that_never_ends_is_given_up() {
    let (pages, _) = pages(1, 10);
    let never = Duration::from_secs(1_000_000);
    let source = MemorySource::new(AckOrder::Cumulative, pages).with_slow_acks(never);
    let harness = Harness::of(source, MemorySink::new());
    let failed = run(harness.builder().give_up_after(Duration::from_secs(600)))
        .await
        .unwrap_err();
    assert_eq!(failed.error.kind(), ErrorKind::GaveUp);
}

#[tokio::test(start_paused = true)]
async fn source_quiet_after_a_fault_is_not_given_up() {
    let source = MemorySource::new(AckOrder::Cumulative, Vec::new()).without_end();
    source.fail_with([Error::temporary(ErrorKind::Unavailable, "503")]);
    let harness = Harness::of(source, MemorySink::new());
    let builder = harness.builder().give_up_after(Duration::from_secs(600));
    run_until(builder, sleep(Duration::from_secs(7200)))
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn dead_letter_fault_that_is_temporary_is_retried() {
    let (mut pages, _) = pages(1, 10);
    pages[0].push("nonsense".into());
    let harness = Harness::new(AckOrder::Cumulative, pages);
    harness.dead_letters.fail_next(3);
    let summary = harness.run().await;
    assert_eq!((summary.delivered, summary.dead_lettered), (10, 1));
    assert_eq!(harness.dead_letters.records().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn maximum_durations_end_nothing_early_and_never_panic() {
    let (pages, _) = pages(2, 10);
    let harness = Harness::new(AckOrder::Cumulative, pages);
    harness.sink.fail_for(Duration::from_secs(60));
    let endless = Duration::MAX;
    let builder = harness
        .builder()
        .drain_timeout(endless)
        .give_up_after(endless);
    assert_eq!(run(builder).await.unwrap().delivered, 20);
}
