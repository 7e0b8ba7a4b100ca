//! A whole day of an org in seconds: bursts, late events, quiet hours, refusals, a forgotten cursor, and restarts.
//!
//! Not modelled: a slow disk, and answers of the sink that are lost.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use okta_coralogix_core::sink::{Batch, BatchLimits, EncodeError, LogSink};
use okta_coralogix_core::testing::{MemoryDeadLetters, MemorySink};
use okta_coralogix_core::{LogEntry, Pipeline, Result, Summary};
use okta_source::OktaSource;
use okta_source::simulator::{Fault, OktaSimulator, RecordedRequest};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::harness::{Harness, start};

const EVENTS: usize = 200_000;
const MINUTES: u64 = 24 * 60;
/// Requests a minute that the org grants, half of them ours: the lowest limit that Okta is known to have.
const LIMIT: u32 = 20;
/// Deliveries in flight, of up to 1,000 events: a crash may repeat these.
const IN_FLIGHT: usize = 4 * 1_000;
/// No event at all in these hours.
const QUIET: [u32; 2] = [3, 4];

fn event(number: usize, published: DateTime<Utc>) -> String {
    let published = published.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    format!(
        r#"{{"uuid":"00000000-0000-4000-8000-{number:012x}","published":"{published}","eventType":"user.session.start","severity":"INFO"}}"#
    )
}

/// The number in an event that arrived.
fn number(text: &[u8]) -> usize {
    let text = std::str::from_utf8(text).unwrap();
    let (_, rest) = text.split_once("-8000-").unwrap();
    usize::from_str_radix(&rest[..12], 16).unwrap()
}

/// How many events each minute brings: some of always, two bursts, nothing in the quiet hours.
fn schedule() -> Vec<usize> {
    let is_quiet = |minute: &u64| QUIET.contains(&u32::try_from(minute / 60).unwrap());
    let busy = (0..MINUTES).filter(|minute| !is_quiet(minute)).count();
    let (first, second) = (30_000, 45_000);
    let rest = EVENTS - first - second;
    let mut minutes: Vec<_> = (0..MINUTES)
        .map(|minute| if is_quiet(&minute) { 0 } else { rest / busy })
        .collect();
    minutes[9 * 60 + 7] += first;
    minutes[15 * 60 + 30] += second;
    let missing = EVENTS - minutes.iter().sum::<usize>();
    minutes[20 * 60] += missing;
    minutes
}

/// Plays the day: events at the middle of each minute, and faults.
async fn live(org: OktaSimulator, began: Instant) {
    let mut next = 0;
    for (minute, count) in (0_u64..).zip(schedule()) {
        sleep_until(began + Duration::from_secs(60 * minute + 29)).await;
        let now = org.now();
        let batch = (next..next + count).map(|number| {
            // One in 50 is stored up to an hour late; several share a millisecond.
            let late = if number % 50 == 7 {
                1 + number as i64 % 60
            } else {
                0
            };
            let published =
                now - TimeDelta::minutes(late) - TimeDelta::milliseconds(number as i64 % 900 / 3);
            event(number, published)
        });
        org.append_all(batch);
        next += count;
        inject_faults(&org, minute);
    }
}

fn inject_faults(org: &OktaSimulator, minute: u64) {
    // Others take most of the org's requests for three hours, and once all of them.
    if (10 * 60..13 * 60).contains(&minute) {
        org.spend(if minute.is_multiple_of(60) {
            LIMIT
        } else {
            LIMIT - 5
        });
    }
    if QUIET.map(u64::from).contains(&(minute / 60)) {
        return;
    }
    match minute % 97 {
        11 => org.script(Fault::RateLimited(Duration::from_secs(25))),
        29 => org.script_times(3, Fault::Unavailable),
        41 => org.script(Fault::HalfBody),
        53 => org.script(Fault::Concurrency),
        67 => org.script(Fault::Html),
        83 => org.script(Fault::Silence),
        _ => {}
    }
    if minute == 7 * 60 + 5 {
        org.forget_cursors();
    }
}

/// A sink that stores a request at once and answers 5 s later: a process that is killed in between does not learn that it arrived.
#[derive(Debug, Clone)]
struct SlowSink(MemorySink);

#[async_trait]
impl LogSink for SlowSink {
    fn limits(&self) -> BatchLimits {
        self.0.limits()
    }

    fn encode(&self, entries: &[LogEntry]) -> Result<Batch, EncodeError> {
        self.0.encode(entries)
    }

    async fn send(&self, batch: &Batch) -> Result<()> {
        let sent = self.0.send(batch).await;
        sleep(Duration::from_secs(5)).await;
        sent
    }
}

fn pipeline(harness: &Harness, sink: &MemorySink, source: OktaSource) -> Pipeline<OktaSource> {
    Pipeline::builder(source, SlowSink(sink.clone()))
        .dead_letters(MemoryDeadLetters::default())
        .clock(Arc::clone(&harness.clock))
        .seed(11)
        .build()
        .unwrap()
}

/// Runs in pieces of about 100 minutes; every second one ends as if the process were killed. Returns how much had arrived at
/// each kill, and when each piece began.
async fn run(
    harness: &Harness,
    sink: &MemorySink,
    began: Instant,
) -> (Vec<usize>, Vec<DateTime<Utc>>) {
    let (mut kills, mut starts) = (Vec::new(), Vec::new());
    let mut turn = 0;
    let mut ends = Duration::ZERO;
    while ends < Duration::from_secs(60 * MINUTES) {
        turn += 1;
        // Two of the kills fall into a burst, which takes the sink more than half a minute.
        ends = Duration::from_secs(match turn {
            6 => 60 * (9 * 60 + 7) + 63,
            10 => 60 * (15 * 60 + 30) + 69,
            turn => 60 * 97 * turn + 33,
        });
        starts.push(harness.clock.now());
        let source = harness.builder().open().await.unwrap();
        let pipeline = pipeline(harness, sink, source);
        if turn % 2 == 0 {
            let killed = timeout_at(began + ends, pipeline.run(std::future::pending())).await;
            assert!(killed.is_err(), "a daemon does not end: {killed:?}");
            kills.push(sink.arrived().len());
        } else {
            let summary: Summary = pipeline.run(sleep_until(began + ends)).await.unwrap();
            assert!(summary.is_balanced());
            assert_eq!((summary.too_old, summary.dead_lettered), (0, 0));
        }
    }
    let source = harness.builder().once(true).open().await.unwrap();
    pipeline(harness, sink, source)
        .run(std::future::pending())
        .await
        .unwrap();
    (kills, starts)
}

/// The number of requests in each window of the org that only this source used and without a restart in it: a new process does not
/// know the requests of the one before.
fn windows(requests: &[RecordedRequest], starts: &[DateTime<Utc>]) -> Vec<usize> {
    let minute = TimeDelta::seconds(60);
    let mut windows: Vec<(DateTime<Utc>, usize)> = Vec::new();
    for request in requests {
        match windows.last_mut() {
            Some((began, count)) if request.at < *began + minute => *count += 1,
            _ => windows.push((request.at, 1)),
        }
    }
    let is_ours = |began: &DateTime<Utc>| {
        let hour = (*began - start()).num_hours();
        let restarted = starts
            .iter()
            .any(|at| (*began..*began + minute).contains(at));
        !(9..14).contains(&hour) && !restarted
    };
    windows
        .into_iter()
        .filter(|(began, _)| is_ours(began))
        .map(|(_, count)| count)
        .collect()
}

/// Each event that arrived twice did so around a kill, and was in flight then.
fn repeats_fit_the_crash_model(arrived: &[usize], kills: &[usize]) -> usize {
    let mut first = HashMap::new();
    let mut repeats = 0;
    for (place, number) in arrived.iter().enumerate() {
        let Some(before) = first.insert(number, place) else {
            continue;
        };
        repeats += 1;
        let around = |kill: &&usize| before < **kill && **kill <= place;
        let kill = kills.iter().find(around);
        let kill = kill.unwrap_or_else(|| {
            panic!("{number} arrived at {before} and {place}, and nobody was killed")
        });
        assert!(
            kill - before <= IN_FLIGHT,
            "{number} was settled long before the kill"
        );
        assert!(place - kill <= IN_FLIGHT, "{number} was read again late");
    }
    repeats
}

#[tokio::test(start_paused = true)]
#[expect(
    clippy::print_stdout,
    reason = "the requests of each hour are what the test is for"
)]
async fn day_of_200000_events_loses_none_and_keeps_the_budget() {
    let harness = Harness::with(|org| org.rate_limit(LIMIT));
    let sink = MemorySink::new();
    let began = Instant::now();
    let day = tokio::spawn(live(harness.org.clone(), began));
    let (kills, starts) = run(&harness, &sink, began).await;
    day.await.unwrap();

    let arrived: Vec<_> = sink.arrived().iter().map(|text| number(text)).collect();
    let mut distinct = arrived.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct, (0..EVENTS).collect::<Vec<_>>(), "nothing is lost");
    let repeats = repeats_fit_the_crash_model(&arrived, &kills);
    assert!(repeats > 0 && repeats <= kills.len() * IN_FLIGHT);

    let requests = harness.org.requests();
    let mut hours = vec![(0, 0, 0); 24];
    for request in &requests {
        let hour = (request.at - start()).num_hours();
        if let Some((sent, refused, none)) = hours.get_mut(usize::try_from(hour).unwrap()) {
            *sent += 1;
            *refused += usize::from(request.status == Some(429));
            *none += usize::from(request.status.is_none_or(|status| status >= 500));
        }
    }
    println!(
        "{EVENTS} events, {} kills, {repeats} repeats, {} requests",
        kills.len(),
        requests.len()
    );
    for (hour, (sent, refused, failed)) in hours.iter().enumerate() {
        println!("hour {hour:2}: {sent:4} requests, {refused} answered 429, {failed} failed");
        assert!(
            *sent <= 60 * (LIMIT as usize) / 2,
            "the budget of hour {hour}"
        );
    }
    for quiet in QUIET {
        let (sent, ..) = hours[quiet as usize];
        assert!(
            (119..=121).contains(&sent),
            "one request a poll in the quiet hour {quiet}: {sent}"
        );
    }
    let share = LIMIT as usize / 2;
    let windows = windows(&requests, &starts);
    assert!(windows.iter().all(|count| *count <= share), "{windows:?}");
    let full = windows.iter().filter(|count| **count == share).count();
    assert!(full >= 2, "the second burst takes all of our share: {full}");
}
