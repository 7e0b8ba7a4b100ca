//! The share of the org's limit: kept, moving, never starved, and larger for a backlog that is nearly too old.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use okta_coralogix_core::EventSource;
use okta_source::simulator::{Fault, RecordedRequest};
use tokio::time::Instant;

use crate::harness::{Harness, Recorder, event, failed, given, remember, settle};

/// The most requests that any `window` holds.
fn most(requests: &[RecordedRequest], window: TimeDelta) -> usize {
    let within = |first: &RecordedRequest| {
        let times = first.at..first.at + window;
        requests
            .iter()
            .filter(|one| times.contains(&one.at))
            .count()
    };
    requests.iter().map(within).max().unwrap()
}

#[tokio::test(start_paused = true)]
async fn rate_share_is_kept_and_allows_at_least_one_request() {
    for (share, limit, window, allowed) in [
        (0.5, 120, 60, 60),
        (0.5, 50, 60, 25),
        (0.5, 20, 60, 10),
        (1.0, 20, 60, 20),
        (0.01, 20, 60, 1),
        (0.5, 2, 2, 1),
        (0.1, 1, 60, 1),
    ] {
        let length = Duration::from_secs(window);
        let harness = Harness::with(|org| org.rate_limit(limit).rate_window(length));
        harness.append(0..1_000);
        let builder = harness.builder().page_size(5).rate_share(share);
        let mut source = builder.open().await.unwrap();
        let began = Instant::now();
        let pages = 3 * allowed;
        for _ in 0..pages {
            settle(given(&mut source).await).await.unwrap();
        }
        let requests = harness.org.requests();
        assert!(
            requests.iter().all(|one| one.status == Some(200)),
            "{share} of {limit}"
        );
        let held = most(&requests, TimeDelta::seconds(window.try_into().unwrap()));
        assert!(held <= allowed, "{share} of {limit}: {held}");
        // Three windows, each with a second for the rounding of the headers.
        let longest = Duration::from_secs(2 * (window + 3));
        assert!(
            began.elapsed() <= longest,
            "{share} of {limit}: {:?}",
            began.elapsed()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn org_clock_skew_changes_no_wait() {
    for hours in [-30, -1, 1, 30] {
        let skew = TimeDelta::hours(hours);
        let harness = Harness::with(|org| org.rate_limit(4).clock_skew(skew));
        harness.append(0..100);
        let builder = harness
            .builder()
            .page_size(10)
            .since(harness.clock.now() - TimeDelta::days(60));
        let mut source = builder.open().await.unwrap();
        let began = Instant::now();
        for _ in 0..6 {
            settle(given(&mut source).await).await.unwrap();
        }
        assert!(
            (120..=124).contains(&began.elapsed().as_secs()),
            "{hours} h: {:?}",
            began.elapsed()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn rate_limit_used_by_another_client_starves_no_source() {
    let harness = Harness::with(|org| org.rate_limit(20));
    harness.append(0..1_000);
    let mut source = harness.builder().page_size(100).open().await.unwrap();
    let others = harness.org.clone();
    let eater = tokio::spawn(async move {
        loop {
            // All but two requests of each window, as soon as it begins.
            others.spend(18);
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
    });
    tokio::task::yield_now().await;
    let (began, mut got) = (Instant::now(), 0);
    while got < 10 {
        match source.next().await {
            Ok(delivery) => {
                got += 1;
                settle(delivery.unwrap()).await.unwrap();
            }
            Err(error) => assert!(error.is_temporary(), "{error}"),
        }
    }
    eater.abort();
    let took = began.elapsed().as_secs();
    assert!(took <= 10 * 62, "at least one page a window: {took} s");
}

#[tokio::test(start_paused = true)]
async fn token_rate_limit_below_our_share_is_waited_out() {
    let harness = Harness::with(|org| {
        org.rate_limit(20)
            .token_share(0.25)
            .another_token("00other")
    });
    harness.append(0..1_000);
    let mut source = harness.builder().page_size(100).open().await.unwrap();
    let (began, mut got, mut refused) = (Instant::now(), 0, 0);
    while got < 10 {
        match source.next().await {
            Ok(delivery) => {
                got += 1;
                settle(delivery.unwrap()).await.unwrap();
            }
            Err(_) => refused += 1,
        }
    }
    assert!(
        began.elapsed().as_secs() <= 130,
        "five a window: {:?}",
        began.elapsed()
    );
    assert!(
        refused <= 2,
        "a 429 is waited out to the end of the window: {refused}"
    );
    harness
        .builder()
        .api_token("00other")
        .check()
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn concurrency_limit_of_the_org_is_left_to_the_backoff() {
    let harness = Harness::with(|org| org.concurrency(1).latency(Duration::from_secs(2)));
    harness.append(0..3);
    let mut source = harness.open().await;
    let (builder, other) = (harness.builder(), harness.builder());
    let (first, second) = tokio::join!(builder.check(), other.check());
    first.unwrap();
    let error = second.unwrap_err();
    assert!(
        error.is_temporary() && error.detail().contains("at the same time"),
        "{error}"
    );
    assert_eq!(
        given(&mut source).await.items.len(),
        3,
        "says nothing about the window"
    );
}

#[tokio::test(start_paused = true)]
async fn rate_limit_reset_far_in_the_future_waits_120_seconds() {
    let harness = Harness::new();
    harness.append(0..3);
    let mut source = harness.open().await;
    for seconds in [121, 100_000, 9_000_000_000] {
        harness
            .org
            .script(Fault::RateLimited(Duration::from_secs(seconds)));
        failed(&mut source).await;
        let began = Instant::now();
        settle(given(&mut source).await).await.unwrap();
        assert_eq!(began.elapsed().as_secs(), 120);
        harness.append(3..6);
    }
}

/// The retry headers of each request.
fn retry(request: &RecordedRequest) -> Option<(String, u32)> {
    request.retry_for.clone().zip(request.retry_count)
}

#[tokio::test(start_paused = true)]
async fn retry_headers_name_the_first_attempt_and_count() {
    let harness = Harness::new();
    harness.append(0..3);
    let mut source = harness.open().await;
    harness.org.script(Fault::Unreachable);
    harness.org.script_times(2, Fault::Unavailable);
    harness.org.script(Fault::HalfBody);
    harness.org.script(Fault::Concurrency);
    for _ in 0..5 {
        failed(&mut source).await;
    }
    settle(given(&mut source).await).await.unwrap();
    harness.append(3..6);
    settle(given(&mut source).await).await.unwrap();
    let said: Vec<_> = harness.org.requests().iter().map(retry).collect();
    let again = |count| Some(("req2".to_owned(), count));
    assert_eq!(
        said,
        [None, None, again(2), again(3), again(4), again(5), None],
        "the first one that was answered has the id"
    );
}

/// A backlog with an event each 2 s, the oldest `hours` old.
fn backlog(harness: &Harness, hours: i64) -> DateTime<Utc> {
    let oldest = harness.org.now() - TimeDelta::hours(hours);
    let events = u32::try_from(hours * 1_800).unwrap();
    for number in 0..events {
        let at = oldest + TimeDelta::seconds(2 * i64::from(number));
        harness.org.append_at(at, [event(number, at)]);
    }
    oldest
}

async fn read(harness: &Harness, hours: u64, pages: usize) -> (Recorder, Duration) {
    let recorder = Recorder::default();
    let builder = harness.builder().page_size(100).observer(recorder.clone());
    let since = Duration::from_secs(3_600 * hours);
    let mut source = builder.since(since).open().await.unwrap();
    let began = Instant::now();
    for _ in 0..pages {
        let delivery = given(&mut source).await;
        remember(&source, delivery).await;
    }
    (recorder, began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn aging_backlog_may_use_a_larger_share() {
    let harness = Harness::with(|org| org.rate_limit(20));
    backlog(&harness, 22);
    // 100 events are 200 s of the log: 36 pages until the events are younger than 20 hours.
    let (recorder, _) = read(&harness, 22, 60).await;
    let requests = harness.org.requests();
    let (fast, slow) = (&requests[..32], &requests[40..60]);
    assert_eq!(most(fast, TimeDelta::seconds(60)), 16, "0.8 of 20");
    assert_eq!(
        most(slow, TimeDelta::seconds(60)),
        10,
        "and half of it afterwards"
    );
    let said = recorder.all("BacklogAging");
    assert!(
        said.len() >= 2 && said.len() <= 4,
        "once a minute: {said:?}"
    );
    assert!(
        said[0].contains("too_old: 0, forecast: Unknown"),
        "{said:?}"
    );
    assert!(
        said[1].contains("too_old: 0, forecast: Shrinking { too_old: 0 }"),
        "{said:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn aging_backlog_forecasts_events_that_will_expire() {
    let harness = Harness::with(|org| org.rate_limit(20));
    backlog(&harness, 26);
    let (recorder, _) = read(&harness, 26, 60).await;
    let said = recorder.all("BacklogAging");
    let figure = |text: &str, name: &str| -> u64 {
        let (_, rest) = text.rsplit_once(name).unwrap();
        rest.split(|c: char| !c.is_ascii_digit())
            .next()
            .unwrap()
            .parse()
            .unwrap()
    };
    let (before, forecast) = (said[1].split("forecast").next().unwrap(), &said[1]);
    assert!(forecast.contains("Shrinking"), "{forecast}");
    let foretold = figure(before, "too_old: ") + figure(forecast, "too_old: ");
    let last = recorder.all("BacklogAging").last().unwrap().clone();
    let lost = figure(last.split("forecast").next().unwrap(), "too_old: ");
    // Two hours are 3,600 events; more of them age while these are read.
    assert!((3_600..4_200).contains(&lost), "{lost}");
    assert!(
        foretold.abs_diff(lost) * 10 <= lost,
        "foretold {foretold}, lost {lost}"
    );
    assert!(last.contains("Shrinking { too_old: 0 }"), "{last}");
}

#[tokio::test(start_paused = true)]
async fn growing_backlog_is_reported() {
    // One page of 100 events a minute, and each 2 s one event: 30 are written in the time in which 100 are read, of 200 s.
    let harness = Harness::with(|org| org.rate_limit(1));
    let oldest = harness.org.now() - TimeDelta::hours(22);
    for number in 0..20_000_u32 {
        // Ten a second: a page is 10 s of the log.
        let at = oldest + TimeDelta::milliseconds(100 * i64::from(number));
        harness.org.append_at(at, [event(number, at)]);
    }
    let (recorder, _) = read(&harness, 22, 6).await;
    let said = recorder.all("BacklogAging");
    let last = said.last().unwrap();
    // 50 s are lost each minute: two hours until all are too old take 8,640 s.
    assert!(last.contains("Growing { within: "), "{last}");
    let (_, within) = last.rsplit_once("within: ").unwrap();
    let seconds: u64 = within.split('s').next().unwrap().parse().unwrap();
    assert!((7_500..9_000).contains(&seconds), "{last}");
}

#[tokio::test(start_paused = true)]
async fn caught_up_source_reports_no_backlog() {
    let harness = Harness::with(|org| org.rate_limit(20));
    let old = harness.org.now() - TimeDelta::hours(23);
    harness
        .org
        .append_all((0..50).map(|number| event(number, old)));
    let (mut source, recorder) = harness.observed().await;
    let delivery = given(&mut source).await;
    remember(&source, delivery).await;
    assert_eq!(
        recorder.all("BacklogAging"),
        Vec::<String>::new(),
        "late events are no backlog"
    );
    assert_eq!(source.dedup_window().capacity(), 20_000);
}
