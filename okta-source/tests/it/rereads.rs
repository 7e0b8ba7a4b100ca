//! A turn of reading the overlap again: what it may cost, when there is none, and what becomes of what it finds.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use okta_coralogix_core::testing::{LogCapture, MemoryDeadLetters, MemorySink};
use okta_coralogix_core::{EventSource, Pipeline};
use okta_source::OktaSource;
use okta_source::simulator::Fault;
use tokio::time::{sleep, timeout};

use crate::harness::{Harness, Recorder, event, given, numbers, remember};

const HOUR: Duration = Duration::from_secs(3_600);

/// The requests of all turns: those with a start, but for the first one, and those behind them that are no polls.
fn starts(harness: &Harness) -> usize {
    let requests = harness.org.requests();
    let is_start = |path: &str| path.contains("since=");
    requests
        .iter()
        .filter(|one| is_start(&one.path_and_query))
        .count()
}

/// Reads for so long.
async fn read_for(source: &mut OktaSource, time: Duration) {
    let reading = async {
        loop {
            match source.next().await {
                Ok(delivery) => remember(source, delivery.unwrap()).await,
                Err(error) => assert!(error.is_temporary(), "{error}"),
            }
        }
    };
    assert!(timeout(time, reading).await.is_err());
}

/// Stores `per_second` events each second, for so many seconds.
fn store(harness: &Harness, per_second: u32, seconds: u32) {
    let org = harness.org.clone();
    tokio::spawn(async move {
        for second in 0..seconds {
            let numbers = second * per_second..(second + 1) * per_second;
            org.append_all(numbers.map(|number| event(number, org.now())));
            sleep(Duration::from_secs(1)).await;
        }
    });
}

/// The requests of 16 minutes of an org, and how many turns there were.
async fn cost(per_second: u32, cap: Option<usize>, every: Option<Duration>) -> (usize, usize) {
    let harness = Harness::new();
    harness.org.cap_pages(cap);
    store(&harness, per_second, 1_000);
    let builder = every.iter().fold(harness.builder(), |builder, every| {
        builder.reread_every(*every)
    });
    let mut source = builder.open().await.unwrap();
    read_for(&mut source, Duration::from_secs(960)).await;
    (harness.org.request_count(), starts(&harness) - 1)
}

#[tokio::test(start_paused = true)]
async fn turn_costs_at_most_three_requests() {
    // The first turn finds the 30 s of the log that there are, the second one 10 minutes.
    for (per_second, cap, first, second) in
        [(1, None, 1, 1), (1, Some(250), 1, 3), (50, None, 2, 3)]
    {
        let (without, none) = cost(per_second, cap, None).await;
        let every = Some(Duration::from_secs(900));
        let (with, turns) = cost(per_second, cap, every).await;
        assert_eq!((none, turns), (0, 2), "{per_second} a second, {cap:?}");
        assert_eq!(
            with - without,
            first + second,
            "{per_second} a second, {cap:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn turn_that_fails_costs_at_most_three_requests() {
    let harness = Harness::new();
    harness.append(0..5);
    let mut source = harness.builder().reread_every(HOUR).open().await.unwrap();
    let delivery = given(&mut source).await;
    harness.org.script_times(20, Fault::Unavailable);
    remember(&source, delivery).await;
    // Polls fail as well, so that each request is counted by its start.
    read_for(&mut source, HOUR / 2).await;
    assert_eq!(starts(&harness), 1 + 3);
}

#[tokio::test(start_paused = true)]
async fn turns_take_no_more_than_their_part_of_the_rate_share() {
    // Ten requests a minute are ours, so that a turn of one may begin every two minutes.
    let harness = Harness::with(|org| org.rate_limit(20));
    harness.append(0..5);
    let every = Duration::from_secs(1);
    let mut source = harness.builder().reread_every(every).open().await.unwrap();
    read_for(&mut source, HOUR).await;
    let turns = starts(&harness) - 1;
    assert!((29..=31).contains(&turns), "{turns}");
}

#[tokio::test(start_paused = true)]
async fn no_turn_while_the_source_is_behind() {
    let harness = Harness::with(|org| org.rate_limit(2));
    let old = harness.org.now() - TimeDelta::hours(2);
    harness
        .org
        .append_at(old, (0..5_000).map(|number| event(number, old)));
    let builder = harness.builder().reread_every(Duration::from_secs(60));
    let mut source = builder.page_size(100).open().await.unwrap();
    for _ in 0..50 {
        let delivery = given(&mut source).await;
        assert_eq!(starts(&harness), 1);
        remember(&source, delivery).await;
    }
    read_for(&mut source, Duration::from_secs(300)).await;
    assert!(starts(&harness) > 1, "it has caught up");
}

#[tokio::test(start_paused = true)]
async fn once_begins_without_a_turn() {
    let harness = Harness::new();
    harness.append(0..5);
    let builder = || harness.builder().reread_every(HOUR).once(true);
    for starts_before in [1, 1] {
        let mut source = builder().open().await.unwrap();
        while let Some(delivery) = source.next().await.unwrap() {
            remember(&source, delivery).await;
        }
        assert_eq!(starts(&harness), starts_before);
    }
    // Not either if a page is handed back.
    harness.append(5..8);
    let mut source = builder().open().await.unwrap();
    drop(source.next().await.unwrap());
    while let Some(delivery) = source.next().await.unwrap() {
        remember(&source, delivery).await;
    }
    assert_eq!(starts(&harness), 1);
}

/// How many lines of the log have all of these parts.
fn count(log: &LogCapture, parts: &[&str]) -> usize {
    let text = log.text();
    let has_all = |line: &&str| parts.iter().all(|part| line.contains(part));
    text.lines().filter(has_all).count()
}

#[tokio::test(start_paused = true)]
async fn turn_that_does_not_fit_is_said_once() {
    let harness = Harness::new();
    let log = LogCapture::start();
    store(&harness, 50, 2_000);
    let every = Duration::from_secs(300);
    let mut source = harness.builder().reread_every(every).open().await.unwrap();
    read_for(&mut source, Duration::from_secs(1_900)).await;
    assert!(starts(&harness) > 4);
    let said = ["INFO", "more events than may be read again in one turn"];
    assert_eq!(count(&log, &said), 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_turn_finds_is_delivered_warned_of_and_counted() {
    let harness = Harness::new();
    let log = LogCapture::start();
    harness.append(0..5);
    let source = harness.builder().reread_every(HOUR).open().await.unwrap();
    let metrics = source.metrics();
    let sink = MemorySink::new();
    let pipeline = Pipeline::builder(source, sink.clone())
        .dead_letters(MemoryDeadLetters::default())
        .clock(Arc::clone(&harness.clock))
        .build()
        .unwrap();
    let org = harness.org.clone();
    let stop = async move {
        sleep(HOUR / 2).await;
        // Stored as of a time before the position: the links have passed them.
        let before = org.now() - TimeDelta::minutes(32);
        org.commit_late(before, (5..8).map(|number| event(number, before)));
        // Too old to be delivered: no turn need find it.
        org.commit_late(before, [event(8, before - TimeDelta::hours(30))]);
        sleep(HOUR).await;
    };
    let summary = pipeline.run(stop).await.unwrap();
    assert_eq!(sink.arrived().len(), 8);
    assert_eq!(
        (summary.received, summary.delivered, summary.late),
        (8, 8, 3)
    );
    assert!(summary.is_balanced());
    assert_eq!(metrics.snapshot().late, 3);
    let said = ["WARN", "the remote's links had passed", "late=3"];
    assert_eq!(count(&log, &said), 1);
    let line = serde_json::to_string(&summary).unwrap();
    assert!(line.ends_with(r#""handed_back":0,"late":3}"#), "{line}");
}

#[tokio::test(start_paused = true)]
async fn turn_repeats_nothing_that_the_window_of_uuids_has_forgotten() {
    // Three hundred a second for ten minutes and a quarter to spare: more than the window may hold.
    let harness = Harness::new();
    let recorder = Recorder::default();
    store(&harness, 300, 1_000);
    let builder = harness.builder().reread_every(Duration::from_secs(300));
    let mut source = builder.observer(recorder.clone()).open().await.unwrap();
    read_for(&mut source, Duration::from_secs(1_100)).await;
    let said = recorder.all("OverlapReread");
    assert!(said.len() >= 3, "{said:?}");
    assert!(said.iter().all(|said| said.contains("late: 0")), "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn turn_goes_no_further_back_than_reading_began() {
    let harness = Harness::new();
    let before = harness.org.now() - TimeDelta::minutes(8);
    harness
        .org
        .append_at(before, (0..3).map(|number| event(number, before)));
    let now = harness.org.now();
    harness
        .org
        .append_all((3..6).map(|number| event(number, now)));
    let minute = Duration::from_secs(60);
    let builder = harness.builder().since(minute).reread_every(HOUR);
    let mut source = builder.open().await.unwrap();
    let delivery = given(&mut source).await;
    assert_eq!(numbers(&delivery), [3, 4, 5]);
    remember(&source, delivery).await;
    assert!(timeout(minute * 5, source.next()).await.is_err());
    assert_eq!(starts(&harness), 2);
}

#[tokio::test(start_paused = true)]
async fn window_without_uuids_is_never_read_again() {
    let harness = Harness::new();
    harness.append(0..5);
    let builder = harness.builder().dedup_capacity(0).reread_every(HOUR);
    let mut source = builder.open().await.unwrap();
    let delivery = given(&mut source).await;
    remember(&source, delivery).await;
    assert!(
        timeout(HOUR, source.next()).await.is_err(),
        "nothing is given twice"
    );
    assert_eq!(starts(&harness), 1);
}
