//! Reading goes on after a page was handed back, and after a refused link.

use std::time::Duration;

use chrono::TimeDelta;
use okta_coralogix_core::EventSource;
use tokio::time::{Instant, timeout};

use crate::harness::{Harness, event, given, numbers, remember};

#[tokio::test(start_paused = true)]
async fn page_settled_before_a_rewind_is_no_circle_when_it_is_read_again() {
    let harness = Harness::new();
    harness.append(0..2_500);
    let mut source = harness.open().await;
    let first = given(&mut source).await;
    let second = given(&mut source).await;
    remember(&source, second).await;
    drop(first);
    let began = Instant::now();
    for page in [0..1_000, 1_000..2_000, 2_000..2_500] {
        let delivery = given(&mut source).await;
        assert_eq!(numbers(&delivery), page.collect::<Vec<_>>());
        remember(&source, delivery).await;
    }
    let took = began.elapsed();
    assert!(took < Duration::from_secs(30), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn late_event_that_is_handed_back_is_read_again_at_once() {
    let harness = Harness::new();
    harness.append(0..5);
    let every = Duration::from_secs(300);
    let mut source = harness.builder().reread_every(every).open().await.unwrap();
    let delivery = given(&mut source).await;
    remember(&source, delivery).await;
    let before = harness.org.now() - TimeDelta::minutes(2);
    let quiet = timeout(Duration::from_secs(60), source.next()).await;
    assert!(quiet.is_err());
    harness.org.commit_late(before, [event(5, before)]);
    let late = given(&mut source).await;
    assert_eq!(numbers(&late), [5]);
    let began = Instant::now();
    drop(late);
    assert_eq!(numbers(&given(&mut source).await), [5]);
    let took = began.elapsed();
    assert!(took < Duration::from_secs(60), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn backfill_fallback_begins_no_earlier_than_the_range() {
    for (overlap_hours, since) in [
        (3, "2026-11-19T10:00:00.000Z"),
        (1, "2026-11-19T10:21:40.000Z"),
    ] {
        let harness = Harness::new();
        let start = harness.clock.now() - TimeDelta::days(3);
        let end = start + TimeDelta::hours(10);
        let at = |number: u32| start + TimeDelta::seconds(100 * i64::from(number));
        let events = (0..360).map(|number| event(number, at(number)));
        harness.org.append_at(end, events);
        let overlap = Duration::from_secs(3_600 * overlap_hours);
        let builder = harness.builder().page_size(50).overlap(overlap);
        let mut source = builder.open_backfill(start..end).await.unwrap();
        let delivery = source.next().await.unwrap().unwrap();
        remember(&source, delivery).await;
        harness.org.forget_cursors();
        drop(source.next().await.unwrap().unwrap());
        let asked = harness.last_request();
        assert!(asked.contains(&format!("since={since}")), "{asked}");
    }
}
