//! A bounded range of the past.

use std::ops::Range;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use okta_coralogix_core::filter::{AgeFilter, AgePolicy};
use okta_coralogix_core::testing::{MemoryDeadLetters, MemorySink};
use okta_coralogix_core::{ErrorKind, EventSource, Pipeline, Summary};
use okta_source::Backfill;
use okta_source::simulator::Fault;
use tokio::time::{Instant, timeout};

use crate::harness::{Harness, Recorder, event, numbers, remember, settle};

/// Three days ago, for ten hours.
fn range(harness: &Harness) -> Range<DateTime<Utc>> {
    let start = harness.clock.now() - TimeDelta::days(3);
    start..start + TimeDelta::hours(10)
}

/// 360 events within the range, one in 100 s, and one before and after it each.
fn fill(harness: &Harness) {
    let times = range(harness);
    let at = |number: i64| times.start + TimeDelta::seconds(100 * number);
    // Persisted in another order than published.
    for number in (0..360_u32).rev() {
        harness
            .org
            .append_at(at(360), [event(number, at(number.into()))]);
    }
    harness
        .org
        .append_at(at(360), [event(1_000, at(-1)), event(1_001, at(360))]);
}

async fn open(harness: &Harness) -> Backfill {
    let builder = harness.builder().page_size(50);
    builder.open_backfill(range(harness)).await.unwrap()
}

async fn next(source: &mut Backfill) -> okta_coralogix_core::Delivery {
    source.next().await.unwrap().expect("a delivery")
}

#[tokio::test(start_paused = true)]
async fn backfill_reads_a_range_in_the_order_of_publishing() {
    let harness = Harness::new();
    fill(&harness);
    let recorder = Recorder::default();
    let builder = harness.builder().page_size(50).observer(recorder.clone());
    let mut source = builder.open_backfill(range(&harness)).await.unwrap();
    let mut all = Vec::new();
    while let Some(delivery) = source.next().await.unwrap() {
        all.extend(numbers(&delivery));
        remember(&source, delivery).await;
    }
    assert_eq!(all, (0..360).collect::<Vec<_>>());
    assert_eq!(
        harness.org.request_count(),
        8,
        "no wait for more, no request beyond the end"
    );
    assert_eq!(source.metrics().snapshot().items, 360);
    let said = recorder.all("BackfillProgress");
    assert_eq!(said.len(), 8);
    let first = "published: 2026-11-19T11:21:40Z, share: 0.1361";
    assert!(said[0].contains(first), "{}", said[0]);
    assert!(
        said[7].contains("published: 2026-11-19T20:00:00Z, share: 1.0"),
        "{}",
        said[7]
    );
}

#[tokio::test(start_paused = true)]
async fn backfill_resumes_and_is_empty_once_finished() {
    let harness = Harness::new();
    fill(&harness);
    let mut all = Vec::new();
    let recorder = Recorder::default();
    for _ in 0..20 {
        let builder = harness.builder().page_size(50).observer(recorder.clone());
        let mut source = builder.open_backfill(range(&harness)).await.unwrap();
        let Some(delivery) = source.next().await.unwrap() else {
            break;
        };
        all.extend(numbers(&delivery));
        settle(delivery).await.unwrap();
        // Read, and not settled.
        drop(source.next().await);
    }
    assert_eq!(all, (0..360).collect::<Vec<_>>());
    let share = |said: &String| said.split("share: ").nth(1).unwrap().to_owned();
    assert_eq!(
        recorder
            .all("BackfillProgress")
            .last()
            .map(share)
            .as_deref(),
        Some("1.0 }"),
        "also after a restart"
    );
    let before = harness.org.request_count();
    let mut source = open(&harness).await;
    assert!(source.is_finished());
    assert!(source.next().await.unwrap().is_none());
    assert_eq!(
        harness.org.request_count(),
        before,
        "nothing is asked any more"
    );
}

#[tokio::test(start_paused = true)]
async fn backfill_rereads_a_page_handed_back_at_the_end() {
    let harness = Harness::new();
    fill(&harness);
    let mut source = harness
        .builder()
        .open_backfill(range(&harness))
        .await
        .unwrap();
    let delivery = next(&mut source).await;
    let waits = timeout(Duration::from_secs(60), source.next()).await;
    assert!(waits.is_err(), "it may still be handed back");
    drop(delivery);
    let delivery = next(&mut source).await;
    assert_eq!(delivery.items.len(), 360);
    settle(delivery).await.unwrap();
    assert!(source.next().await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn backfill_of_an_empty_range_is_stored_as_finished() {
    let harness = Harness::new();
    let mut source = open(&harness).await;
    let delivery = next(&mut source).await;
    assert!(delivery.items.is_empty());
    settle(delivery).await.unwrap();
    assert!(source.next().await.unwrap().is_none());
    assert!(open(&harness).await.next().await.unwrap().is_none());
    assert_eq!(harness.org.request_count(), 1);
}

#[tokio::test(start_paused = true)]
async fn backfill_fallback_loses_nothing_and_stays_in_the_range() {
    let harness = Harness::new();
    fill(&harness);
    let mut source = open(&harness).await;
    let mut all = Vec::new();
    for turn in 0.. {
        let Some(delivery) = source.next().await.unwrap() else {
            break;
        };
        all.extend(numbers(&delivery));
        remember(&source, delivery).await;
        if turn == 0 || turn == 4 {
            harness.org.forget_cursors();
        }
    }
    all.sort_unstable();
    all.dedup();
    assert_eq!(all, (0..360).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn backfill_position_is_not_moved_by_temporary_faults() {
    let harness = Harness::new();
    fill(&harness);
    let mut source = open(&harness).await;
    let mut all = Vec::new();
    let mut turn = 0;
    loop {
        turn += 1;
        if turn % 2 == 0 {
            harness
                .org
                .script([Fault::HalfBody, Fault::Unavailable, Fault::Html][turn / 2 % 3].clone());
        }
        match source.next().await {
            Ok(Some(delivery)) => {
                all.extend(numbers(&delivery));
                settle(delivery).await.unwrap();
            }
            Ok(None) => break,
            Err(error) => assert!(error.is_temporary(), "{error}"),
        }
    }
    assert_eq!(all, (0..360).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn backfill_stays_within_the_rate_budget() {
    let harness = Harness::with(|org| org.rate_limit(4));
    fill(&harness);
    let mut source = open(&harness).await;
    let began = Instant::now();
    while let Some(delivery) = source.next().await.unwrap() {
        settle(delivery).await.unwrap();
    }
    assert!(
        (180..=190).contains(&began.elapsed().as_secs()),
        "8 requests, 2 a minute: {:?}",
        began.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn backfill_range_empty_or_in_the_future_is_refused() {
    let harness = Harness::new();
    let now = harness.clock.now();
    let day = TimeDelta::days(1);
    for (range, what) in [
        (now - day..now - day, "later than its start"),
        (now - day..now - day * 2, "later than its start"),
        (now - day..now + day, "future"),
        (now - day * 181..now - day, "180 days"),
    ] {
        let error = harness.builder().open_backfill(range).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(
            error.detail().starts_with("backfill: ") && error.detail().contains(what),
            "{error}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn checkpoint_is_never_shared_by_backfill_and_poll() {
    let harness = Harness::new();
    fill(&harness);
    settle(next(&mut open(&harness).await).await).await.unwrap();
    assert_eq!(
        harness.builder().open().await.unwrap_err().kind(),
        ErrorKind::Corrupt
    );
    let other = range(&harness).start..range(&harness).end + TimeDelta::hours(1);
    let error = harness.builder().open_backfill(other).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "nor do two ranges");
    assert!(error.detail().contains("checkpoint of its own"), "{error}");
}

async fn carry(harness: &Harness, age: AgeFilter) -> (Summary, MemorySink) {
    let sink = MemorySink::new();
    let pipeline = Pipeline::builder(open(harness).await, sink.clone())
        .age_filter(age)
        .dead_letters(MemoryDeadLetters::default())
        .clock(std::sync::Arc::clone(&harness.clock))
        .build()
        .unwrap();
    let summary = pipeline.run(std::future::pending()).await.unwrap();
    assert!(summary.is_balanced());
    (summary, sink)
}

#[tokio::test(start_paused = true)]
async fn backfill_older_than_24_hours_follows_the_age_policy() {
    let (day, week) = (AgeFilter::DEFAULT_LIMIT, 7 * AgeFilter::DEFAULT_LIMIT);
    for (age, delivered, too_old, aside) in [
        (AgeFilter::default(), 0, 360, 0),
        (AgeFilter::new(day, AgePolicy::DeadLetter), 0, 0, 360),
        (AgeFilter::new(day, AgePolicy::Restamp), 360, 0, 0),
        (AgeFilter::new(week, AgePolicy::Drop), 360, 0, 0),
    ] {
        let harness = Harness::new();
        fill(&harness);
        let (summary, sink) = carry(&harness, age).await;
        assert_eq!(
            (summary.delivered, summary.too_old, summary.dead_lettered),
            (delivered, too_old, aside),
            "{age:?}"
        );
        assert_eq!(sink.arrived().len() as u64, delivered);
    }
}

#[tokio::test(start_paused = true)]
async fn backfill_misses_an_event_stored_after_it() {
    let harness = Harness::new();
    fill(&harness);
    let mut source = open(&harness).await;
    settle(next(&mut source).await).await.unwrap();
    let early = range(&harness).start + TimeDelta::seconds(1);
    harness.org.append(event(2_000, early));
    let mut all = Vec::new();
    while let Some(delivery) = source.next().await.unwrap() {
        all.extend(numbers(&delivery));
        settle(delivery).await.unwrap();
    }
    assert!(
        !all.contains(&2_000),
        "the limit that is documented: polling gives it"
    );
    let mut poll = Harness {
        store: std::sync::Arc::default(),
        ..harness
    }
    .builder()
    .once(true)
    .open()
    .await
    .unwrap();
    assert!(numbers(&poll.next().await.unwrap().unwrap()).contains(&2_000));
}

#[tokio::test(start_paused = true)]
async fn link_cycle_in_a_backfill_is_a_temporary_error() {
    let harness = Harness::new();
    fill(&harness);
    let mut source = open(&harness).await;
    let first = next(&mut source).await;
    remember(&source, first).await;
    let link = format!(
        "https://example.okta.com{}",
        harness.store.cursor().unwrap()
    );
    let second = next(&mut source).await;
    remember(&source, second).await;
    let back = format!(
        "https://example.okta.com{}",
        harness.store.cursor().unwrap()
    );
    harness.org.script(Fault::NextLink(link));
    let third = next(&mut source).await;
    remember(&source, third).await;
    harness.org.script(Fault::NextLink(back));
    let error = source.next().await.unwrap_err();
    assert!(
        error.is_temporary() && error.detail().contains("in a circle"),
        "{error}"
    );
}
