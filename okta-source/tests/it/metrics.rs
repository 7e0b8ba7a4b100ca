//! Metrics, and events for the observer.

use std::time::Duration;

use chrono::TimeDelta;
use okta_coralogix_core::EventSource;
use okta_coralogix_core::observe::Reporter;
use okta_source::simulator::Fault;
use tokio::time::timeout;

use crate::harness::{Harness, Recorder, event, failed, given, remember};

#[tokio::test(start_paused = true)]
async fn metrics_can_be_read_at_any_time() {
    let harness = Harness::with(|org| org.rate_limit(4));
    harness.append(0..2_500);
    let mut source = harness.open().await;
    let freshness = source.metrics();
    assert_eq!(freshness.snapshot().since_response, None);
    harness.org.script(Fault::Unavailable);
    failed(&mut source).await;
    for _ in 0..3 {
        let delivery = given(&mut source).await;
        remember(&source, delivery).await;
    }
    let figures = freshness.snapshot();
    assert_eq!(
        (
            figures.requests,
            figures.pages,
            figures.short_pages,
            figures.items
        ),
        (4, 3, 1, 2_500)
    );
    assert_eq!(figures.waits, 1, "two requests a window");
    assert!((60..=62).contains(&figures.waited.as_secs()), "{figures:?}");
    assert_eq!(figures.budget_left, Some(0));
    let lag = figures.lag.unwrap().as_secs();
    assert!(
        (120..=122).contains(&lag),
        "published a minute before, read a minute later: {lag}"
    );
    drop(source);
    tokio::time::advance(Duration::from_secs(100)).await;
    let figures = freshness.snapshot();
    assert_eq!(
        figures.since_response.unwrap().as_secs(),
        100,
        "also while nobody asks"
    );
    assert_eq!(figures.since_event.as_secs(), 100);
}

#[tokio::test(start_paused = true)]
async fn polled_event_reports_lag_and_remaining_budget() {
    let harness = Harness::new();
    let now = harness.org.now();
    harness.org.append_all([
        event(0, now - TimeDelta::seconds(40)),
        event(1, now + TimeDelta::hours(9)),
    ]);
    let (mut source, recorder) = harness.observed().await;
    let delivery = given(&mut source).await;
    remember(&source, delivery).await;
    assert!(
        timeout(Duration::from_secs(31), source.next())
            .await
            .is_err()
    );
    let said = recorder.all("Polled");
    assert_eq!(
        said,
        [
            "Polled { items: 2, caught_up: true, lag: Some(40s), budget_left: Some(4999) }",
            "Polled { items: 0, caught_up: true, lag: None, budget_left: Some(4998) }",
        ],
        "an event of the future is no measure"
    );
}

#[tokio::test(start_paused = true)]
async fn budget_wait_is_reported_and_the_tick_is_not() {
    let harness = Harness::with(|org| org.rate_limit(2));
    harness.append(0..1_500);
    let (mut source, recorder) = harness.observed().await;
    for _ in 0..2 {
        let delivery = given(&mut source).await;
        remember(&source, delivery).await;
    }
    let said = recorder.all("RateLimitWait");
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("RateLimitWait { wait: 6"), "{said:?}");
    assert!(
        timeout(Duration::from_secs(25), source.next())
            .await
            .is_err()
    );
    assert!(recorder.all("RateLimitWait").len() <= 2);
}

#[tokio::test(start_paused = true)]
async fn silence_is_reported_once_per_alarm_time() {
    let harness = Harness::new();
    harness.append(0..1);
    let recorder = Recorder::default();
    let hour = Duration::from_secs(3_600);
    let builder = harness
        .builder()
        .silence_alarm(Some(hour))
        .observer(recorder.clone());
    let mut source = builder.open().await.unwrap();
    let delivery = given(&mut source).await;
    remember(&source, delivery).await;
    assert!(
        timeout(hour - Duration::from_secs(1), source.next())
            .await
            .is_err()
    );
    assert_eq!(recorder.all("SourceSilent"), Vec::<String>::new());
    assert!(
        timeout(hour * 2 - Duration::from_secs(600), source.next())
            .await
            .is_err()
    );
    let said = recorder.all("SourceSilent");
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("since_event: 3600"), "{said:?}");
    assert!(
        said[0].contains("since_response: Some(30"),
        "the org answers and has nothing: {said:?}"
    );

    // An event ends it.
    harness.append(1..2);
    let delivery = given(&mut source).await;
    remember(&source, delivery).await;
    assert!(
        timeout(hour - Duration::from_secs(1), source.next())
            .await
            .is_err()
    );
    assert_eq!(recorder.all("SourceSilent").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn silence_is_reported_for_an_org_that_does_not_answer() {
    let harness = Harness::new();
    let recorder = Recorder::default();
    let alarm = Some(Duration::from_secs(600));
    let builder = harness
        .builder()
        .silence_alarm(alarm)
        .observer(recorder.clone());
    let mut source = builder.open().await.unwrap();
    harness.org.script_times(100, Fault::Unreachable);
    for _ in 0..30 {
        failed(&mut source).await;
        tokio::time::sleep(Duration::from_secs(30)).await;
    }
    let said = recorder.all("SourceSilent");
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("since_response: None"), "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn every_request_is_reported_with_its_error() {
    let harness = Harness::new();
    harness.append(0..3);
    let (mut source, recorder) = harness.observed().await;
    harness.org.script(Fault::Unavailable);
    failed(&mut source).await;
    let delivery = given(&mut source).await;
    remember(&source, delivery).await;
    let said = recorder.all("Requested");
    assert_eq!(said.len(), harness.org.requests().len());
    let [failed, answered] = &said[..] else {
        panic!("{said:?}");
    };
    assert!(failed.contains("error: Some("), "{failed}");
    assert!(answered.contains("error: None"), "{answered}");
    assert_eq!(recorder.all("RemoteClock").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn delivered_through_begins_at_the_start_and_follows_empty_polls() {
    let harness = Harness::new();
    harness.append(0..3);
    let (mut source, recorder) = harness.observed().await;
    let delivery = given(&mut source).await;
    let started = harness.org.now();
    let waits = timeout(Duration::from_secs(1), source.next());
    assert!(waits.await.is_err());
    remember(&source, delivery).await;
    let waits = timeout(Duration::from_secs(61), source.next());
    assert!(waits.await.is_err());
    let told = recorder.all("DeliveredThrough");
    let [from, published, .., polled] = &told[..] else {
        panic!("{told:?}");
    };
    for (told, time) in [
        (from, started - TimeDelta::hours(24)),
        (published, started - TimeDelta::minutes(1)),
        (polled, harness.org.now()),
    ] {
        let minute = time.format("%Y-%m-%dT%H:%M").to_string();
        assert!(told.contains(&minute), "{told} {minute}");
    }

    let recorder = Recorder::default();
    let mut source = harness.open().await;
    source.attach(&Reporter::new("acme", "example", recorder.clone()));
    let saved = recorder.all("DeliveredThrough");
    assert_eq!(saved, told[1..2], "the saved position, before a request");
}
