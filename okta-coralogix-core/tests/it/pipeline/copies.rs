//! Copies of an event that is settled, or in flight.

use std::time::Duration;

use okta_coralogix_core::testing::{MemorySink, MemorySource};
use okta_coralogix_core::{AckOrder, Error, ErrorKind};

use super::harness::{Harness, pages, run};

#[tokio::test(start_paused = true)]
async fn copy_of_a_settled_event_is_a_duplicate() {
    let (mut pages, events) = pages(8, 10);
    let repeated = pages[0].clone();
    pages[7].extend(repeated);
    let harness = Harness::new(AckOrder::Cumulative, pages);
    let summary = harness.run().await;
    assert_eq!(
        (summary.received, summary.delivered, summary.duplicate),
        (90, 80, 10)
    );
    harness.assert_all_once(&events);
}

#[tokio::test(start_paused = true)]
async fn duplicate_in_flight_shares_the_outcome_of_its_delivered_original() {
    for order in [AckOrder::Cumulative, AckOrder::Individual] {
        let (mut pages, events) = pages(1, 10);
        pages.push(pages[0].clone());
        let in_page = pages[0][3].clone();
        pages[0].push(in_page);
        let sink = MemorySink::new().with_latency(Duration::from_secs(5));
        let harness = Harness::of(MemorySource::new(order, pages), sink);
        let summary = harness.run().await;
        assert_eq!((summary.delivered, summary.duplicate), (10, 11));
        harness.assert_all_once(&events);
    }
}

#[tokio::test(start_paused = true)]
async fn duplicate_survives_failure_of_its_original_with_cumulative_acks() {
    let (mut pages, events) = pages(1, 10);
    pages.push(pages[0].clone());
    let source = MemorySource::new(AckOrder::Cumulative, pages);
    let harness = Harness::of(
        source,
        MemorySink::new().with_latency(Duration::from_secs(5)),
    );
    harness
        .sink
        .refuse_all(Some(|| Error::new(ErrorKind::Unauthorized, "wrong key")));
    let failed = run(harness.builder()).await.unwrap_err();
    assert_eq!(
        (failed.summary.received, failed.summary.handed_back),
        (20, 20)
    );
    harness.sink.refuse_all(None);
    let summary = harness.run().await;
    assert_eq!((summary.delivered, summary.duplicate), (10, 10));
    harness.assert_all_once(&events);
}

#[tokio::test(start_paused = true)]
async fn duplicate_survives_failure_of_its_original_with_individual_acks() {
    let (mut pages, events) = pages(2, 10);
    pages.push(pages[1].clone());
    // One request at a time, and that is slow: page 1 waits in the queue with its copy joined to it until both run out
    // of time.
    let source = MemorySource::new(AckOrder::Individual, pages).with_budget(Duration::from_secs(4));
    let harness = Harness::of(
        source,
        MemorySink::new().with_latency(Duration::from_secs(3)),
    );
    let linger = Duration::from_millis(1);
    let first_in_line = harness.builder().max_in_flight_requests(1).linger(linger);
    harness.sink.fail_for(Duration::from_secs(20));
    let summary = run(first_in_line).await.unwrap();
    assert!(summary.handed_back > 0, "{summary:?}");
    harness.assert_all_once(&events);
    assert_eq!(harness.source.settled_events(), 30);
}

#[tokio::test(start_paused = true)]
async fn deadline_keeps_claims_in_flight_and_later_copies_are_duplicates() {
    let (pages, events) = pages(1, 10);
    let source = MemorySource::new(AckOrder::Individual, pages).with_budget(Duration::from_secs(4));
    let harness = Harness::of(
        source,
        MemorySink::new().with_latency(Duration::from_secs(6)),
    );
    let summary = harness.run().await;
    assert_eq!((summary.delivered, summary.duplicate), (10, 10));
    assert_eq!(
        harness.source.handed_back(),
        10,
        "the source heard at the deadline that it is not settled"
    );
    assert_eq!(harness.source.settled_events(), 10);
    harness.assert_all_once(&events);
}
