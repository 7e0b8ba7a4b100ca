use std::time::Duration;

use okta_coralogix_core::{ErrorKind, RetryHint};
use okta_source::simulator::Fault;
use tokio::time::Instant;

use crate::harness::{Harness, failed, given, settle};

#[tokio::test(start_paused = true)]
async fn http_429_is_waited_out_by_the_org_clock() {
    for (skew_hours, reset, wait) in [(0, 30, 31), (-26, 30, 31), (26, 0, 1), (0, 9_999, 120)] {
        let harness = Harness::with(|org| org.clock_skew(chrono::TimeDelta::hours(skew_hours)));
        harness.append(0..3);
        let mut source = harness.open().await;
        harness
            .org
            .script(Fault::RateLimited(Duration::from_secs(reset)));
        let error = failed(&mut source).await;
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        assert_eq!(error.retry(), RetryHint::After(Duration::from_secs(wait)));
        let began = Instant::now();
        settle(given(&mut source).await).await.unwrap();
        assert_eq!(
            began.elapsed().as_secs(),
            wait,
            "even if the caller does not wait"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_waited_out_up_to_120_seconds() {
    for (asked, wait) in [(7, 7), (9_999, 120)] {
        let harness = Harness::new();
        let mut source = harness.open().await;
        harness.org.script(Fault::RetryAfter(asked));
        let error = failed(&mut source).await;
        assert_eq!(error.retry(), RetryHint::After(Duration::from_secs(wait)));
        let began = Instant::now();
        settle(given(&mut source).await).await.unwrap();
        assert_eq!(began.elapsed().as_secs(), wait);
    }
}

#[tokio::test(start_paused = true)]
async fn http_429_without_a_time_waits_at_least_a_second() {
    for fault in [Fault::Concurrency, Fault::RateLimitedSilently] {
        let harness = Harness::new();
        let mut source = harness.open().await;
        harness.org.script(fault);
        let error = failed(&mut source).await;
        assert_eq!(
            (error.kind(), error.retry()),
            (
                ErrorKind::RateLimited,
                RetryHint::After(Duration::from_secs(1))
            )
        );
    }
}

#[tokio::test(start_paused = true)]
async fn backlog_uses_its_rate_share_and_no_more() {
    let harness = Harness::with(|org| org.rate_limit(20));
    harness.append(0..3_000);
    let mut source = harness.builder().page_size(100).open().await.unwrap();
    for _ in 0..30 {
        settle(given(&mut source).await).await.unwrap();
    }
    let requests = harness.org.requests();
    assert!(requests.iter().all(|request| request.status == Some(200)));
    for first in &requests {
        let within = |at: chrono::DateTime<chrono::Utc>| {
            (first.at..first.at + chrono::TimeDelta::seconds(60)).contains(&at)
        };
        assert!(requests.iter().filter(|request| within(request.at)).count() <= 10);
    }
    let took = requests[29].at - requests[0].at;
    assert!(took.num_seconds() <= 125, "three windows: {took}");
}

#[tokio::test(start_paused = true)]
async fn rate_limit_of_two_in_two_seconds_makes_progress() {
    let harness = Harness::with(|org| org.rate_limit(2).rate_window(Duration::from_secs(2)));
    harness.append(0..1_000);
    let mut source = harness.builder().page_size(100).open().await.unwrap();
    let began = Instant::now();
    for _ in 0..10 {
        settle(given(&mut source).await).await.unwrap();
    }
    assert!(began.elapsed().as_secs() <= 40, "{:?}", began.elapsed());
    assert!(
        harness
            .org
            .requests()
            .iter()
            .all(|request| request.status == Some(200))
    );
}

#[tokio::test(start_paused = true)]
async fn rate_limit_used_up_is_waited_out() {
    let harness = Harness::with(|org| org.rate_limit(1));
    harness.append(0..200);
    let mut source = harness.builder().page_size(100).open().await.unwrap();
    settle(given(&mut source).await).await.unwrap();
    let began = Instant::now();
    settle(given(&mut source).await).await.unwrap();
    assert!(
        (60..=62).contains(&began.elapsed().as_secs()),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(harness.org.request_count(), 2);
}
