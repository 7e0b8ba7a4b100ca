//! The 24-hour rule in a run.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use okta_coralogix_core::dead_letter::DeadLetterReason;
use okta_coralogix_core::filter::{AgeFilter, AgePolicy};
use okta_coralogix_core::testing::{
    EventGenerator, GeneratedEvent, MemorySink, MemorySource, SinkFault,
};
use okta_coralogix_core::{AckOrder, Clock, ClockOffset, Error, ErrorKind, RetryHint};

use super::harness::{Harness, run, start};

/// Events of the given ages in ms.
fn aged(ages: &[i64]) -> Vec<GeneratedEvent> {
    let mut generator = EventGenerator::new(3);
    ages.iter()
        .map(|age| generator.event(start() - TimeDelta::milliseconds(*age)))
        .collect()
}

fn page(events: &[GeneratedEvent]) -> Vec<Vec<Bytes>> {
    vec![events.iter().map(|event| event.json.clone()).collect()]
}

const DAY: i64 = 24 * 3600 * 1000;

#[tokio::test(start_paused = true)]
async fn event_is_too_old_one_millisecond_past_24_hours() {
    let events = aged(&[DAY, DAY + 1, DAY * 5, -DAY, 0]);
    let harness = Harness::new(AckOrder::Cumulative, page(&events));
    let summary = harness.run().await;
    assert_eq!((summary.delivered, summary.too_old), (3, 2));
    assert_eq!(harness.source.settled_events(), 5);
    assert!(harness.sink.counts().contains_key(&events[0].json));
}

#[tokio::test(start_paused = true)]
async fn age_policy_decides_what_happens_to_an_old_event() {
    let events = aged(&[2 * DAY]);
    let limit = AgeFilter::DEFAULT_LIMIT;
    let harness = Harness::new(AckOrder::Cumulative, page(&events));
    let summary = run(harness
        .builder()
        .age_filter(AgeFilter::new(limit, AgePolicy::DeadLetter)))
    .await
    .unwrap();
    assert_eq!(summary.dead_lettered, 1);
    assert_eq!(
        harness.dead_letters.records()[0].reason,
        DeadLetterReason::TooOld
    );
    assert_eq!(harness.dead_letters.records()[0].bytes, events[0].json);

    let harness = Harness::new(AckOrder::Cumulative, page(&events));
    let summary = run(harness
        .builder()
        .age_filter(AgeFilter::new(limit, AgePolicy::Restamp)))
    .await
    .unwrap();
    assert_eq!(summary.delivered, 1);
    harness.assert_all_once(&events);
}

#[tokio::test(start_paused = true)]
async fn event_expired_while_waiting_is_counted_too_old() {
    let hour = 3600 * 1000;
    let events = aged(&[DAY - hour, 0, DAY - hour, hour]);
    let harness = Harness::new(AckOrder::Cumulative, page(&events));
    harness.sink.fail_for(Duration::from_secs(2 * 3600));
    let summary = harness.run().await;
    assert_eq!((summary.delivered, summary.too_old), (2, 2));
    harness.assert_all_once(&[events[1].clone(), events[3].clone()]);
    assert_eq!(harness.source.settled_events(), 4);
}

#[tokio::test(start_paused = true)]
async fn event_expired_before_its_first_request_is_not_delivered() {
    let hour = 3600 * 1000;
    let events = aged(&[0, DAY - hour]);
    let pages = vec![vec![events[0].json.clone()], vec![events[1].json.clone()]];
    let harness = Harness::new(AckOrder::Cumulative, pages);
    harness.sink.fail_for(Duration::from_secs(2 * 3600));
    let one_at_a_time = harness
        .builder()
        .max_in_flight_requests(1)
        .linger(Duration::ZERO);
    let summary = run(one_at_a_time).await.unwrap();
    assert_eq!((summary.delivered, summary.too_old), (1, 1));
    harness.assert_all_once(&events[..1]);
}

#[tokio::test(start_paused = true)]
async fn event_expired_while_others_are_in_flight_is_not_delivered() {
    let events = aged(&[0, DAY - 90_000]);
    let pages = vec![vec![events[0].json.clone()], vec![events[1].json.clone()]];
    let source = MemorySource::new(AckOrder::Cumulative, pages);
    let harness = Harness::of(
        source,
        MemorySink::new().with_latency(Duration::from_secs(60)),
    );
    // After two such answers there is one request at a time, and the second one waits for the first.
    let busy = |seconds| {
        let error = Error::temporary(ErrorKind::Unavailable, "busy");
        let wait = RetryHint::After(Duration::from_secs(seconds));
        SinkFault::Refuse(error.with_retry(wait))
    };
    harness.sink.script([busy(1), busy(2)]);
    let two_at_a_time = harness
        .builder()
        .max_in_flight_requests(2)
        .linger(Duration::ZERO);
    let summary = run(two_at_a_time).await.unwrap();
    assert_eq!((summary.delivered, summary.too_old), (1, 1));
    harness.assert_all_once(&events[..1]);
}

#[tokio::test(start_paused = true)]
async fn event_that_expires_after_a_lost_answer_is_possibly_delivered() {
    let events = aged(&[DAY - 1000, 0]);
    let harness = Harness::new(AckOrder::Cumulative, page(&events));
    let later = Error::temporary(ErrorKind::Unavailable, "later");
    let later = later.with_retry(RetryHint::After(Duration::from_secs(60)));
    harness
        .sink
        .script([SinkFault::LoseAnswer, SinkFault::Refuse(later)]);
    let summary = harness.run().await;
    let counts = [
        summary.delivered,
        summary.too_old,
        summary.possibly_delivered,
    ];
    assert_eq!(counts, [1, 1, 1]);
    assert_eq!(harness.sink.requests(), [2, 2, 1]);
}

/// So does one whose request was refused after the lost answer.
#[tokio::test(start_paused = true)]
async fn event_that_expires_after_a_lost_answer_and_a_refusal_is_not_sent_again() {
    let events = aged(&[DAY - 1000]);
    let harness = Harness::new(AckOrder::Cumulative, page(&events));
    let later = Error::temporary(ErrorKind::Unavailable, "later");
    let later = later.with_retry(RetryHint::After(Duration::from_secs(60)));
    let too_large = Error::new(ErrorKind::TooLarge, "413");
    harness.sink.script([
        SinkFault::LoseAnswer,
        SinkFault::Refuse(too_large),
        SinkFault::Refuse(later),
    ]);
    let summary = harness.run().await;
    let counts = [
        summary.delivered,
        summary.too_old,
        summary.possibly_delivered,
    ];
    assert_eq!(counts, [0, 1, 1]);
    assert_eq!(harness.sink.requests(), [1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn host_clock_a_day_fast_drops_nothing_with_known_offset() {
    let events = aged(&[0, 3600 * 1000, DAY + 3600 * 1000]);
    let fast = TimeDelta::hours(26);
    for (offset, delivered) in [
        (ClockOffset::default(), 0),
        (ClockOffset::between(start() + fast, start()), 2),
    ] {
        let source =
            MemorySource::new(AckOrder::Cumulative, page(&events)).with_clock_offset(offset);
        let harness = Harness::of(source, MemorySink::new());
        harness.clock.set_offset(fast);
        assert_eq!(harness.clock.now(), start() + fast);
        let summary = harness.run().await;
        assert_eq!(
            (summary.delivered, summary.too_old),
            (delivered, 3 - delivered),
            "{offset:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn host_clock_alone_expires_nothing_while_the_offset_is_awaited() {
    let day = |policy| AgeFilter::new(AgeFilter::DEFAULT_LIMIT, policy);
    let year = AgeFilter::new(365 * AgeFilter::DEFAULT_LIMIT, AgePolicy::Drop);
    for (age, filter) in [
        (day(AgePolicy::Drop), year),
        (day(AgePolicy::DeadLetter), year),
        (day(AgePolicy::Restamp), year),
        (year, day(AgePolicy::Drop)),
    ] {
        let events = aged(&[0, DAY + 1]);
        let source = MemorySource::new(AckOrder::Individual, page(&events))
            .with_clock_offset(ClockOffset::unknown());
        let harness = Harness::of(source, MemorySink::new());
        let pipeline = harness
            .builder()
            .age_filter(age)
            .filter(filter)
            .build()
            .unwrap();
        // The source gives it again at once, so that no time passes.
        let stop = async {
            for _ in 0..1_000 {
                tokio::task::yield_now().await;
            }
        };
        let summary = pipeline.run(stop).await.unwrap();
        assert_eq!((summary.delivered, summary.too_old), (1, 0), "{age:?}");
        assert!(summary.handed_back > 0 && summary.is_balanced());
        assert_eq!(harness.dead_letters.records(), []);
        harness.assert_all_once(&events[..1]);
    }
}

#[tokio::test(start_paused = true)]
async fn host_clock_step_drops_nothing_in_flight() {
    let events = aged(&[60_000, 120_000]);
    let harness = Harness::new(AckOrder::Cumulative, page(&events));
    harness.sink.fail_for(Duration::from_secs(5));
    let clock = Arc::clone(&harness.clock);
    let step = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        clock.set_offset(TimeDelta::hours(25));
    };
    let (summary, ()) = tokio::join!(harness.run(), step);
    assert_eq!((summary.delivered, summary.too_old), (2, 0));
}
