//! The log is read to its end, and not further: short pages, and links that move or stay.

use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use okta_coralogix_core::testing::{MemoryDeadLetters, MemorySink};
use okta_coralogix_core::transport::{Body, Transport, TransportError};
use okta_coralogix_core::{Error, ErrorKind, EventSource, Pipeline, Summary};
use okta_source::OktaSource;
use okta_source::simulator::{Fault, OktaSimulator};
use tokio::time::{Instant, timeout};

use crate::harness::{Harness, Recorder, event, failed, given, numbers, remember, settle};

/// Events with the numbers `range`, published so long ago, and stored then.
fn append_old(harness: &Harness, range: std::ops::Range<u32>, seconds: i64) {
    let then = harness.org.now() - TimeDelta::seconds(seconds);
    harness
        .org
        .append_at(then, range.map(|number| event(number, then)));
}

/// Reads until the source ends. Returns the numbers of the events, and the time that it took.
async fn read_all(source: &mut OktaSource) -> Result<(Vec<u32>, Duration), Error> {
    let began = Instant::now();
    let mut all = Vec::new();
    while let Some(delivery) = source.next().await? {
        all.extend(numbers(&delivery));
        remember(source, delivery).await;
    }
    Ok((all, began.elapsed()))
}

async fn open_once(harness: &Harness) -> OktaSource {
    harness.builder().once(true).open().await.unwrap()
}

/// How many requests the source makes in so long, while it gives nothing.
async fn requests_while_quiet(harness: &Harness, source: &mut OktaSource, seconds: u64) -> usize {
    let before = harness.org.request_count();
    let quiet = async {
        loop {
            let delivery = given(source).await;
            assert!(delivery.items.is_empty(), "{:?}", numbers(&delivery));
            settle(delivery).await.unwrap();
        }
    };
    let ended = timeout(Duration::from_secs(seconds), quiet).await;
    assert!(ended.is_err());
    harness.org.request_count() - before
}

#[tokio::test(start_paused = true)]
async fn once_reads_all_of_a_log_that_comes_in_short_pages() {
    for (cap, age, requests) in [(100, 7_200, 24), (100, 61, 24), (1, 3_600, 2_301)] {
        let harness = Harness::new();
        harness.org.cap_pages(Some(cap));
        append_old(&harness, 0..2_300, age);
        let mut source = open_once(&harness).await;
        let (all, took) = read_all(&mut source).await.unwrap();
        assert_eq!(all, (0..2_300).collect::<Vec<_>>());
        assert_eq!(took, Duration::ZERO);
        assert_eq!(harness.org.request_count(), requests, "{cap} a page");
    }
}

#[tokio::test(start_paused = true)]
async fn once_reads_all_of_a_young_log_that_comes_in_short_pages() {
    let harness = Harness::new();
    harness.org.cap_pages(Some(10));
    // Too young to be followed at once without end, too old to be the end.
    append_old(&harness, 0..95, 30);
    let mut source = open_once(&harness).await;
    let (all, took) = read_all(&mut source).await.unwrap();
    assert_eq!(all, (0..95).collect::<Vec<_>>());
    assert_eq!(took.as_secs(), 60, "four pages a poll");
}

#[tokio::test(start_paused = true)]
async fn once_is_not_ended_by_an_event_of_the_future() {
    let harness = Harness::new();
    harness.org.cap_pages(Some(100));
    append_old(&harness, 0..50, 7_200);
    let soon = harness.org.now() + TimeDelta::hours(1);
    let then = harness.org.now() - TimeDelta::seconds(7_200);
    harness.org.append_at(then, [event(50, soon)]);
    append_old(&harness, 51..2_300, 7_200);
    let mut source = open_once(&harness).await;
    let (all, _) = read_all(&mut source).await.unwrap();
    assert_eq!(all, (0..2_300).collect::<Vec<_>>());
}

/// An org that has one to five new events with each request.
#[derive(Debug)]
struct Busy {
    org: OktaSimulator,
    /// How old they are when they are stored.
    age: TimeDelta,
}

#[async_trait::async_trait]
impl Transport for Busy {
    async fn call(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Body>, TransportError> {
        let turn = u32::try_from(self.org.request_count()).unwrap();
        let first = 10_000 + 5 * turn;
        let published = self.org.now() - self.age;
        let count = 1 + turn % 5;
        self.org
            .append_all((first..first + count).map(|number| event(number, published)));
        self.org.call(request).await
    }
}

#[tokio::test(start_paused = true)]
async fn once_ends_at_an_org_that_always_has_something_new() {
    for (age, longest) in [(0, 0), (20, 30), (90, 125)] {
        let harness = Harness::with(|org| org.rate_limit(120));
        append_old(&harness, 0..1_500, 7_200);
        let age = TimeDelta::seconds(age);
        let org = harness.org.clone();
        let builder = harness.builder().transport(Busy { org, age });
        let mut source = builder.once(true).open().await.unwrap();
        let (all, took) = read_all(&mut source).await.unwrap();
        assert!((0..1_500).all(|number| all.contains(&number)));
        assert!(took.as_secs() <= longest, "{age}: {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn once_waits_for_the_start_of_the_run_by_the_clock_of_the_org() {
    // The host is an hour behind: by its clock each event is newer than the start of the run.
    let harness = Harness::with(|org| org.clock_skew(TimeDelta::hours(1)));
    harness.org.cap_pages(Some(100));
    append_old(&harness, 0..1_000, 1_800);
    let mut source = open_once(&harness).await;
    let (all, _) = read_all(&mut source).await.unwrap();
    assert_eq!(all.len(), 1_000);
}

#[tokio::test(start_paused = true)]
async fn once_follows_empty_pages_to_what_lies_behind_them() {
    let harness = Harness::new();
    harness.org.move_empty_links(true);
    let mut source = open_once(&harness).await;
    let reading = tokio::spawn(async move { read_all(&mut source).await });
    // Behind ten empty pages there is something.
    tokio::time::sleep(Duration::from_secs(70)).await;
    assert_eq!(harness.org.request_count(), 12);
    harness.append(0..5);
    harness.org.move_empty_links(false);
    let (all, _) = reading.await.unwrap().unwrap();
    assert_eq!(all, (0..5).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn once_says_that_it_cannot_tell_the_end_of_a_log_whose_links_always_move() {
    let harness = Harness::new();
    append_old(&harness, 0..5, 3_600);
    harness.org.move_empty_links(true);
    let sink = MemorySink::new();
    let source = open_once(&harness).await;
    let pipeline = Pipeline::builder(source, sink.clone())
        .dead_letters(MemoryDeadLetters::default())
        .clock(std::sync::Arc::clone(&harness.clock))
        .build()
        .unwrap();
    let began = Instant::now();
    let failed = pipeline.run(std::future::pending()).await.unwrap_err();
    assert_eq!(began.elapsed().as_secs(), 19 * 30);
    assert_eq!(failed.error.kind(), ErrorKind::UnexpectedResponse);
    let said = failed.error.to_string();
    assert!(said.contains("leave --once out"), "{said}");
    assert_eq!(failed.summary.delivered, 5, "what was read is delivered");
    assert_eq!(sink.arrived().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn continuous_run_reads_a_backlog_of_short_pages_at_once_within_its_share() {
    let harness = Harness::with(|org| org.rate_limit(20));
    harness.org.cap_pages(Some(100));
    append_old(&harness, 0..2_300, 7_200);
    let mut source = harness.open().await;
    let began = Instant::now();
    let mut all = Vec::new();
    while all.len() < 2_300 {
        let delivery = given(&mut source).await;
        all.extend(numbers(&delivery));
        remember(&source, delivery).await;
    }
    assert_eq!(all, (0..2_300).collect::<Vec<_>>());
    assert!(
        (120..=124).contains(&began.elapsed().as_secs()),
        "10 requests a minute"
    );
    let requests = harness.org.requests();
    assert!(requests.iter().all(|one| one.status == Some(200)));
}

#[tokio::test(start_paused = true)]
async fn continuous_run_that_falls_behind_short_pages_catches_up() {
    // Twenty events a second, of which a page holds 100: a page a poll would be a sixth of them.
    let harness = Harness::with(|org| org.rate_limit(120));
    harness.org.cap_pages(Some(100));
    let org = harness.org.clone();
    tokio::spawn(async move {
        for second in 0..1_800 {
            let numbers = 20 * second..20 * (second + 1);
            org.append_all(numbers.map(|number| event(number, org.now())));
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let mut source = harness.open().await;
    let reading = async {
        loop {
            let delivery = given(&mut source).await;
            remember(&source, delivery).await;
        }
    };
    assert!(timeout(Duration::from_secs(1_700), reading).await.is_err());
    let published = source.metrics().snapshot();
    // It is never more than a minute and a poll behind.
    assert!(published.items >= 20 * (1_700 - 90), "{published:?}");
}

#[tokio::test(start_paused = true)]
async fn backlog_of_short_pages_that_ages_may_use_the_larger_share() {
    let harness = Harness::with(|org| org.rate_limit(20));
    harness.org.cap_pages(Some(100));
    let oldest = harness.org.now() - TimeDelta::hours(22);
    harness
        .org
        .append_at(oldest, (0..5_000).map(|number| event(number, oldest)));
    let recorder = Recorder::default();
    let mut source = harness
        .builder()
        .observer(recorder.clone())
        .open()
        .await
        .unwrap();
    let began = Instant::now();
    for _ in 0..50 {
        let delivery = given(&mut source).await;
        assert_eq!(delivery.items.len(), 100);
        remember(&source, delivery).await;
    }
    // 16 requests a minute; 10 would take 240 s.
    assert!(began.elapsed().as_secs() <= 190, "{:?}", began.elapsed());
    assert!(!recorder.all("BacklogAging").is_empty());
}

#[tokio::test(start_paused = true)]
async fn short_page_is_followed_at_once_if_it_is_older_than_a_minute() {
    for (age, requests) in [(60, 1), (61, 2), (7_200, 2)] {
        let harness = Harness::new();
        append_old(&harness, 0..3, age);
        let mut source = harness.open().await;
        let delivery = given(&mut source).await;
        remember(&source, delivery).await;
        let quiet = timeout(Duration::from_secs(29), source.next()).await;
        assert!(quiet.is_err());
        assert_eq!(harness.org.request_count(), requests, "{age} s");
    }
}

#[tokio::test(start_paused = true)]
async fn empty_page_whose_link_moves_is_followed_three_times_a_poll() {
    let harness = Harness::new();
    harness.append(0..3);
    harness.org.move_empty_links(true);
    let mut source = harness.open().await;
    let delivery = given(&mut source).await;
    remember(&source, delivery).await;
    assert_eq!(requests_while_quiet(&harness, &mut source, 29).await, 0);
    assert_eq!(requests_while_quiet(&harness, &mut source, 30).await, 4);
    assert_eq!(requests_while_quiet(&harness, &mut source, 300).await, 40);
    harness.append(3..6);
    let delivery = loop {
        let delivery = given(&mut source).await;
        if !delivery.items.is_empty() {
            break delivery;
        }
        settle(delivery).await.unwrap();
    };
    assert_eq!(numbers(&delivery), [3, 4, 5]);
}

#[tokio::test(start_paused = true)]
async fn full_page_whose_link_leads_to_itself_is_a_fault_that_is_said() {
    for page_size in [1_000, 500] {
        let harness = Harness::new();
        harness.append(0..3_000);
        let mut source = harness.builder().page_size(page_size).open().await.unwrap();
        let first = given(&mut source).await;
        remember(&source, first).await;
        let own = harness.store.cursor().unwrap();
        let own = format!("https://example.okta.com{own}");
        harness.org.script_times(20, Fault::NextLink(own));
        let second = given(&mut source).await;
        assert_eq!(
            numbers(&second)[0],
            u32::from(page_size),
            "its events are given"
        );
        remember(&source, second).await;
        let began = Instant::now();
        for _ in 0..5 {
            let error = failed(&mut source).await;
            assert_eq!(error.kind(), ErrorKind::UnexpectedResponse);
            assert!(error.is_temporary());
            assert!(error.detail().contains("leads to the very page"), "{error}");
        }
        assert_eq!(began.elapsed().as_secs(), 30, "the pipeline backs off");
        // In the end the org gives a sound link again.
        let mut all = Vec::new();
        while all.last() != Some(&2_999) {
            match source.next().await {
                Ok(delivery) => {
                    let delivery = delivery.unwrap();
                    all.extend(numbers(&delivery));
                    remember(&source, delivery).await;
                }
                Err(error) => assert!(error.is_temporary(), "{error}"),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn short_page_whose_link_stays_repeats_nothing_and_ends_once() {
    let harness = Harness::new();
    append_old(&harness, 0..3, 3_600);
    let mut source = open_once(&harness).await;
    // The link stays where it is until the page is full.
    harness.org.script_times(
        10,
        Fault::NextLink("https://example.okta.com/api/v1/logs?after=0_0&limit=1000".into()),
    );
    let (all, took) = read_all(&mut source).await.unwrap();
    assert!((0..3).all(|number| all.contains(&number)));
    assert!(took.as_secs() <= 30, "{took:?}");
    assert!(
        harness.org.request_count() <= 3,
        "{}",
        harness.org.request_count()
    );
}

#[tokio::test(start_paused = true)]
async fn once_summary_counts_all_events_of_short_pages() {
    let harness = Harness::new();
    harness.org.cap_pages(Some(100));
    append_old(&harness, 0..2_300, 3_600);
    let sink = MemorySink::new();
    let pipeline = Pipeline::builder(open_once(&harness).await, sink.clone())
        .dead_letters(MemoryDeadLetters::default())
        .clock(std::sync::Arc::clone(&harness.clock))
        .build()
        .unwrap();
    let summary: Summary = pipeline.run(std::future::pending()).await.unwrap();
    assert_eq!((summary.received, summary.delivered), (2_300, 2_300));
}
