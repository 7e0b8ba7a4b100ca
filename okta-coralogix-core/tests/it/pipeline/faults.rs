//! Temporary faults on either side never end a run.

use std::time::Duration;

use okta_coralogix_core::sink::BatchLimits;
use okta_coralogix_core::testing::{MemorySink, MemorySource, SinkFault};
use okta_coralogix_core::{AckOrder, Error, ErrorKind, RetryHint};
use tokio::time::Instant;

use super::harness::{World, pages};

const TEN_MINUTES: Duration = Duration::from_secs(600);

#[tokio::test(start_paused = true)]
async fn a_sink_that_is_down_for_ten_minutes_costs_nothing() {
    let (pages, events) = pages(20, 500);
    let world = World::new(AckOrder::Cumulative, pages);
    world.sink.go_down_for(TEN_MINUTES);
    let began = Instant::now();
    let summary = world.run().await;
    assert_eq!(summary.delivered, 10_000);
    world.assert_all_once(&events);
    assert!(began.elapsed() >= TEN_MINUTES);
    // Four requests wait with up to 30 s between attempts, about 15 s on average.
    assert!(
        world.sink.requests().len() < 400,
        "{}",
        world.sink.requests().len()
    );
}

#[tokio::test(start_paused = true)]
async fn a_source_that_fails_for_ten_minutes_costs_nothing() {
    let (pages, events) = pages(3, 100);
    let world = World::new(AckOrder::Cumulative, pages);
    let wait = RetryHint::After(Duration::from_secs(60));
    let later = || Error::temporary(ErrorKind::RateLimited, "429").with_retry(wait);
    world.source.fail_with((0..10).map(|_| later()));
    let began = Instant::now();
    assert_eq!(world.run().await.delivered, 300);
    assert!(began.elapsed() >= TEN_MINUTES);
    world.assert_all_once(&events);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_repeats_its_request_and_no_more() {
    let (pages, events) = pages(4, 100);
    let limits = BatchLimits {
        entries: 100,
        bytes: 2_000_000,
    };
    let source = MemorySource::new(AckOrder::Cumulative, pages);
    let world = World::of(source, MemorySink::with_limits(limits));
    world
        .sink
        .script([SinkFault::Accept, SinkFault::LoseAnswer]);
    let summary = world.run().await;
    assert_eq!(summary.delivered, 400);
    assert_eq!(
        (summary.ambiguous_sends, summary.ambiguous_entries),
        (1, 100)
    );
    assert_eq!(world.sink.arrived().len(), 400 + 100);
    assert_eq!(world.sink.counts().len(), events.len());
}

#[tokio::test(start_paused = true)]
async fn what_the_sink_asks_for_is_waited() {
    let (pages, _) = pages(1, 10);
    let world = World::new(AckOrder::Cumulative, pages);
    let wait = RetryHint::After(Duration::from_secs(45));
    let later = Error::temporary(ErrorKind::RateLimited, "429").with_retry(wait);
    world.sink.script([SinkFault::Refuse(later)]);
    let began = Instant::now();
    world.run().await;
    assert_eq!(began.elapsed().as_secs(), 45);
}
