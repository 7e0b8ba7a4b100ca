use chrono::TimeDelta;
use okta_coralogix_core::EventSource;

use crate::harness::{Harness, given, settle};

fn since(harness: &Harness) -> Vec<String> {
    let requests = harness.org.requests();
    let since = |path: &str| path.split(['=', '&']).nth(1).unwrap().to_owned();
    requests
        .iter()
        .map(|request| since(&request.path_and_query))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn host_clock_a_day_ahead_misses_no_event() {
    let harness = Harness::with(|org| org.clock_skew(TimeDelta::hours(-26)));
    harness.append(0..3);
    let mut source = harness.open().await;
    let delivery = given(&mut source).await;
    assert_eq!(delivery.items.len(), 3);
    assert_eq!(delivery.clock_offset.get(), TimeDelta::hours(-26));
    assert_eq!(
        since(&harness),
        ["2026-11-21T10:00:00.000Z", "2026-11-20T08:00:00.000Z"],
        "asked again, 24 hours back from the org's own time, before anything was given"
    );
}

#[tokio::test(start_paused = true)]
async fn host_clock_behind_looks_back_from_its_own_time() {
    let harness = Harness::with(|org| org.clock_skew(TimeDelta::hours(26)));
    harness.append(0..3);
    let mut source = harness.open().await;
    let delivery = given(&mut source).await;
    assert_eq!(delivery.clock_offset.get(), TimeDelta::hours(26));
    assert_eq!(since(&harness), ["2026-11-21T10:00:00.000Z"]);
}

#[tokio::test(start_paused = true)]
async fn clock_offset_of_four_minutes_is_insignificant() {
    let harness = Harness::with(|org| org.clock_skew(TimeDelta::minutes(-4)));
    let mut source = harness.open().await;
    let delivery = given(&mut source).await;
    assert!(!delivery.clock_offset.is_significant());
    assert_eq!(harness.org.request_count(), 1);
}

#[tokio::test(start_paused = true)]
async fn fixed_start_does_not_depend_on_clocks() {
    let harness = Harness::with(|org| org.clock_skew(TimeDelta::hours(-26)));
    let at = "2026-11-01T00:00:00Z"
        .parse::<chrono::DateTime<chrono::Utc>>()
        .unwrap();
    let mut source = harness.builder().since(at).once(true).open().await.unwrap();
    settle(given(&mut source).await).await.unwrap();
    assert!(source.next().await.unwrap().is_none());
    assert_eq!(since(&harness)[0], "2026-11-01T00:00:00.000Z");
    assert!(harness.last_request().contains("after="), "to see the end");
}

#[tokio::test(start_paused = true)]
async fn start_time_refused_as_future_is_corrected_and_retried() {
    let harness = Harness::with(|org| org.clock_skew(TimeDelta::hours(-26)));
    harness.append(0..3);
    harness.org.script(okta_source::simulator::Fault::Status(
        400,
        r#"{"errorCode":"E0000001"}"#.into(),
    ));
    let mut source = harness.open().await;
    assert_eq!(given(&mut source).await.items.len(), 3);
    assert_eq!(since(&harness).len(), 2);
}
