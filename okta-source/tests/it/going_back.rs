//! Going back: from where the source reads after a refused link, and what an event of the future or a wrong `Date` moves.

use chrono::{DateTime, TimeDelta, Utc};
use okta_coralogix_core::{ErrorKind, EventSource};
use okta_source::OktaSource;
use tokio::time::advance;

use crate::harness::{Harness, event, given, numbers, remember, start};

/// Settles one page of `count` events that were published `ahead` of the org's time, each.
async fn settle_page(harness: &Harness, source: &mut OktaSource, first: u32, ahead: &[TimeDelta]) {
    let now = harness.org.now();
    let events = (first..)
        .zip(ahead)
        .map(|(number, ahead)| event(number, now + *ahead));
    harness.org.append_all(events);
    loop {
        let delivery = given(source).await;
        let is_empty = delivery.items.is_empty();
        remember(source, delivery).await;
        if !is_empty {
            break;
        }
    }
}

/// Events that are settled after a refused link, up to `last`.
async fn read_to(source: &mut OktaSource, last: u32) -> Vec<u32> {
    let mut all = Vec::new();
    while !all.contains(&last) {
        let delivery = given(source).await;
        all.extend(numbers(&delivery));
        remember(source, delivery).await;
    }
    all
}

fn stored(harness: &Harness) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(harness.store.published_ms().unwrap()).unwrap()
}

/// The time of the last request with a start.
fn since(harness: &Harness) -> DateTime<Utc> {
    let requests = harness.org.requests();
    let starts = requests.iter().rev();
    let times = starts.filter_map(|one| {
        let (_, since) = one.path_and_query.split_once("since=")?;
        since.split('&').next()?.parse().ok()
    });
    times.into_iter().next().unwrap()
}

#[tokio::test(start_paused = true)]
async fn event_of_the_future_makes_the_fallback_skip_nothing() {
    for hours in [1, 24, 24 * 365] {
        let harness = Harness::new();
        let mut source = harness.open().await;
        let future = TimeDelta::hours(hours);
        let zero = TimeDelta::zero();
        settle_page(&harness, &mut source, 0, &[zero, zero, future, zero, zero]).await;
        assert_eq!(stored(&harness), start() + TimeDelta::minutes(5));
        drop(source);
        // Two hours later, 200 events are stored, and the link is refused.
        for number in 5..205 {
            advance(std::time::Duration::from_secs(36)).await;
            harness.org.append(event(number, harness.org.now()));
        }
        harness.org.forget_cursors();
        let mut source = harness.open().await;
        let mut all = read_to(&mut source, 204).await;
        assert_eq!(since(&harness), start() - TimeDelta::minutes(5));
        all.retain(|number| *number >= 5);
        assert_eq!(all, (5..205).collect::<Vec<_>>(), "{hours} h");
    }
}

#[tokio::test(start_paused = true)]
async fn published_is_believed_up_to_five_minutes_after_the_later_clock() {
    for (skew, ahead, stored_ahead) in [
        (0, 4, 4),
        (0, 6, 5),
        // Minutes by the org's clock, as `ahead` is.
        (-60, 30, 30),
        (-60, 90, 65),
        (60, 4, 4),
        (60, 30, 5),
    ] {
        let harness = Harness::with(|org| org.clock_skew(TimeDelta::minutes(skew)));
        let mut source = harness.open().await;
        settle_page(&harness, &mut source, 0, &[TimeDelta::minutes(ahead)]).await;
        let expected = harness.org.now() + TimeDelta::minutes(stored_ahead);
        assert_eq!(stored(&harness), expected, "{skew}, {ahead}");
    }
}

#[tokio::test(start_paused = true)]
async fn stored_time_never_falls() {
    let harness = Harness::new();
    let mut source = harness.open().await;
    let minutes = TimeDelta::minutes;
    for (number, ahead) in [3, 90, -600, 5, -1].into_iter().enumerate() {
        let before = harness.store.published_ms();
        let number = u32::try_from(number).unwrap();
        settle_page(&harness, &mut source, number, &[minutes(ahead)]).await;
        assert!(harness.store.published_ms() >= before, "{ahead}");
    }
    assert!(stored(&harness) >= start() + minutes(5));
}

#[tokio::test(start_paused = true)]
async fn fallback_is_never_older_than_what_okta_keeps() {
    for (days, expected) in [(1, 1), (89, 89), (100, 90), (179, 90), (400, 90)] {
        let harness = Harness::new();
        let mut source = harness.open().await;
        settle_page(&harness, &mut source, 0, &[TimeDelta::zero()]).await;
        drop(source);
        advance(std::time::Duration::from_secs(24 * 3_600 * days)).await;
        harness.org.forget_cursors();
        harness.append(1..3);
        let mut source = harness.open().await;
        let all = read_to(&mut source, 2).await;
        assert!(all.contains(&1), "{all:?}");
        let age = harness.org.now() - since(&harness);
        assert_eq!(age.num_days(), expected, "{days} days");
    }
}

#[tokio::test(start_paused = true)]
async fn fallback_without_a_settled_event_is_never_older_than_what_okta_keeps() {
    let harness = Harness::new();
    let begin = start() - TimeDelta::days(170);
    let builder = || harness.builder().since(begin);
    let mut source = builder().open().await.unwrap();
    let delivery = given(&mut source).await;
    remember(&source, delivery).await;
    advance(std::time::Duration::from_secs(24 * 3_600 * 20)).await;
    harness.org.forget_cursors();
    harness.append(0..2);
    assert_eq!(read_to(&mut source, 1).await, [0, 1]);
    assert_eq!((harness.org.now() - since(&harness)).num_days(), 90);
}

#[tokio::test(start_paused = true)]
async fn date_that_no_clock_can_show_moves_nothing() {
    for date in [
        "Sat, 01 Jan 2000 00:00:00 GMT",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
    ] {
        let harness = Harness::new();
        harness.org.set_date(Some(date));
        harness.append(0..3);
        let mut source = harness.open().await;
        let delivery = given(&mut source).await;
        assert_eq!(delivery.clock_offset.get(), TimeDelta::zero(), "{date}");
        remember(&source, delivery).await;
        assert_eq!(since(&harness), start() - TimeDelta::hours(24), "{date}");
        // The fallback is where it would be.
        harness.org.forget_cursors();
        harness.append(3..5);
        let all = read_to(&mut source, 4).await;
        assert_eq!(all, (0..5).collect::<Vec<_>>());
        assert_eq!(since(&harness), start() - TimeDelta::minutes(11), "{date}");
    }
    // One that changes meanwhile.
    let harness = Harness::with(|org| org.clock_skew(TimeDelta::hours(-26)));
    harness.append(0..3);
    let mut source = harness.open().await;
    let delivery = given(&mut source).await;
    remember(&source, delivery).await;
    harness.org.set_date(Some("Sat, 01 Jan 2000 00:00:00 GMT"));
    harness.append(3..5);
    let delivery = given(&mut source).await;
    assert_eq!(delivery.clock_offset.get(), TimeDelta::hours(-26));
}

#[tokio::test(start_paused = true)]
async fn changed_query_after_a_long_time_begins_with_what_okta_keeps() {
    let harness = Harness::new();
    let mut source = harness.open().await;
    settle_page(&harness, &mut source, 0, &[TimeDelta::zero()]).await;
    drop(source);
    advance(std::time::Duration::from_secs(24 * 3_600 * 200)).await;
    let changed = harness
        .builder()
        .q("user")
        .restart_on_changed_query(true)
        .open()
        .await;
    let mut source = changed.unwrap();
    drop(given(&mut source).await);
    assert_eq!((harness.org.now() - since(&harness)).num_days(), 90);
    let fixed = harness
        .builder()
        .since(start())
        .checkpoint(std::sync::Arc::new(crate::harness::MemoryStore::default()));
    assert_eq!(fixed.open().await.unwrap_err().kind(), ErrorKind::Config);
}

#[tokio::test(start_paused = true)]
async fn backfill_that_lasts_beyond_what_okta_takes_goes_on() {
    let harness = Harness::new();
    let range = start() - TimeDelta::days(175)..start() - TimeDelta::days(60);
    let at = range.end - TimeDelta::days(1);
    harness
        .org
        .append_at(at, (0..20).map(|number| event(number, at)));
    let builder = harness.builder().page_size(10);
    let mut source = builder.open_backfill(range).await.unwrap();
    let delivery = source.next().await.unwrap().unwrap();
    assert_eq!(numbers(&delivery), (0..10).collect::<Vec<_>>());
    remember(&source, delivery).await;
    advance(std::time::Duration::from_secs(24 * 3_600 * 20)).await;
    harness.org.forget_cursors();
    let mut all = Vec::new();
    while let Some(delivery) = source.next().await.unwrap() {
        all.extend(numbers(&delivery));
        remember(&source, delivery).await;
    }
    assert!((10..20).all(|number| all.contains(&number)), "{all:?}");
}
