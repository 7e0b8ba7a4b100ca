//! Events that something refuses, or at which the sink fails, while others pass.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use okta_coralogix_core::dead_letter::DeadLetterReason;
use okta_coralogix_core::sink::{Batch, BatchLimits, EncodeError};
use okta_coralogix_core::testing::{GeneratedEvent, MemorySink, MemorySource, SinkFault};
use okta_coralogix_core::{AckOrder, Error, ErrorKind, LogEntry, LogSink, Result};
use tokio::time::{Instant, sleep};

use super::harness::{Harness, pages, run, run_until};

const MINUTE: Duration = Duration::from_secs(60);

/// How a request with a poison entry fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// A 403 page.
    Page,
    /// A 403 without a page, which may be of the key.
    Forbidden,
    /// A 409.
    Conflict,
    /// A 500.
    ServerError,
    /// A 500, after the sink accepted the entries.
    ServerErrorAfterAcceptance,
    /// The connection is reset.
    Reset,
    /// No answer within 30 s.
    Silence,
}

impl Failure {
    pub(super) const ALL: [Self; 7] = [
        Self::Page,
        Self::Forbidden,
        Self::Conflict,
        Self::ServerError,
        Self::ServerErrorAfterAcceptance,
        Self::Reset,
        Self::Silence,
    ];

    fn error(self) -> Error {
        match self {
            Self::Page => Error::temporary(ErrorKind::Intercepted, "403 with a web page"),
            Self::Forbidden => Error::new(ErrorKind::Forbidden, "403"),
            Self::Conflict => Error::temporary(ErrorKind::UnexpectedResponse, "409"),
            Self::ServerError | Self::ServerErrorAfterAcceptance => {
                Error::temporary(ErrorKind::Unavailable, "500").with_ambiguity(true)
            }
            Self::Reset => Error::temporary(ErrorKind::Network, "reset").with_ambiguity(true),
            Self::Silence => Error::temporary(ErrorKind::TimedOut, "silence").with_ambiguity(true),
        }
    }
}

/// Passes requests to a sink unless they hold a poison entry.
#[derive(Debug, Clone)]
pub(super) struct Filter {
    sink: MemorySink,
    poison: Arc<HashSet<Bytes>>,
    failure: Failure,
    checks: Arc<Mutex<Vec<Instant>>>,
    /// Requests that failed.
    failures: Arc<Mutex<Vec<usize>>>,
    /// Requests with one poison entry alone are rejected by the sink itself.
    pub(super) rejects_alone: bool,
    /// How checks fail.
    pub(super) check_error: Option<fn() -> Error>,
    /// How long the sink takes to accept a request.
    pub(super) latency: Duration,
    /// When requests with a poison entry were sent, and the first such entry.
    pub(super) poison_sent: Arc<Mutex<Vec<(Instant, Bytes)>>>,
}

impl Filter {
    pub(super) fn new(sink: &MemorySink, poison: &[GeneratedEvent], failure: Failure) -> Self {
        Self {
            sink: sink.clone(),
            poison: Arc::new(poison.iter().map(|event| event.json.clone()).collect()),
            failure,
            checks: Arc::default(),
            failures: Arc::default(),
            rejects_alone: false,
            check_error: None,
            latency: Duration::from_millis(50),
            poison_sent: Arc::default(),
        }
    }
}

#[async_trait]
impl LogSink for Filter {
    fn limits(&self) -> BatchLimits {
        self.sink.limits()
    }

    fn encode(&self, entries: &[LogEntry]) -> Result<Batch, EncodeError> {
        self.sink.encode(entries)
    }

    async fn check(&self) -> Option<Result<()>> {
        self.checks.lock().unwrap().push(Instant::now());
        Some(self.check_error.map_or(Ok(()), |error| Err(error())))
    }

    async fn send(&self, batch: &Batch) -> Result<()> {
        let texts = MemorySink::texts(batch);
        let Some(poison) = texts.iter().find(|text| self.poison.contains(*text)) else {
            sleep(self.latency).await;
            return self.sink.send(batch).await;
        };
        let sent = (Instant::now(), poison.clone());
        self.poison_sent.lock().unwrap().push(sent);
        let alone = {
            let mut failures = self.failures.lock().unwrap();
            failures.push(texts.len());
            failures.iter().filter(|entries| **entries == 1).count()
        };
        if self.rejects_alone && alone > 2 {
            return Err(Error::new(ErrorKind::Rejected, "400"));
        }
        match self.failure {
            Failure::ServerErrorAfterAcceptance => self.sink.send(batch).await?,
            Failure::Silence => sleep(Duration::from_secs(30)).await,
            _ => {}
        }
        Err(self.failure.error())
    }
}

/// Every n-th event of `of`.
pub(super) fn some(events: &[GeneratedEvent], of: usize) -> Vec<GeneratedEvent> {
    let step = events.len() / of;
    events
        .iter()
        .skip(step / 2)
        .step_by(step)
        .take(of)
        .cloned()
        .collect()
}

struct Ended {
    /// When the last innocent event had arrived.
    took: Duration,
    requests: usize,
    failures: usize,
}

/// Delivers `count` events of which `poison` fail, and checks that these are blocked and that all others arrive.
async fn deliver(count: usize, poison: usize, failure: Failure) -> Ended {
    let (pages, events) = pages(count / 1000, 1000);
    let harness = Harness::new(AckOrder::Individual, pages);
    let bad = some(&events, poison);
    let filter = Filter::new(&harness.sink, &bad, failure);
    let began = Instant::now();
    let builder = harness
        .builder_with(filter.clone())
        .max_in_flight_deliveries(100);
    let summary = run(builder.max_in_flight_events(100_000)).await.unwrap();
    let took = began.elapsed();
    let bad: HashSet<_> = bad.iter().map(|event| event.json.clone()).collect();
    let counts = harness.sink.counts();
    for event in &events {
        let arrived = counts.get(&event.json).copied().unwrap_or(0);
        match (bad.contains(&event.json), failure) {
            (_, Failure::ServerErrorAfterAcceptance) => assert!(arrived >= 1),
            (true, _) => assert_eq!(arrived, 0),
            (false, _) => assert_eq!(arrived, 1, "{failure:?}"),
        }
    }
    let letters = harness.dead_letters.records();
    assert_eq!(letters.len(), poison, "{failure:?}");
    for letter in &letters {
        assert!(bad.contains(&letter.bytes));
        assert_eq!(letter.reason, DeadLetterReason::Blocked);
        let error = failure.error();
        assert_eq!(letter.detail, error.detail());
        assert_eq!(letter.may_have_arrived, error.is_ambiguous());
    }
    assert_eq!(summary.delivered as usize, events.len() - poison);
    let checks = filter.checks.lock().unwrap().clone();
    for pair in checks.windows(2) {
        assert!(pair[1] - pair[0] >= Duration::from_secs(30), "{failure:?}");
    }
    let failures = filter.failures.lock().unwrap().len();
    Ended {
        took,
        requests: match failure {
            Failure::ServerErrorAfterAcceptance => harness.sink.requests().len(),
            _ => harness.sink.requests().len() + failures,
        },
        failures,
    }
}

#[tokio::test(start_paused = true)]
async fn blocked_event_is_found_and_all_others_arrive() {
    for failure in Failure::ALL {
        for poison in [1, 7] {
            let Ended {
                took,
                requests,
                failures,
                ..
            } = deliver(10_000, poison, failure).await;
            println!(
                "{failure:?}, {poison} of 10,000: {requests} requests, {failures} of them failed, {took:?}"
            );
            let patience = match failure {
                Failure::Page | Failure::Forbidden | Failure::Conflict => 5,
                _ => 30,
            };
            assert!(took >= patience * MINUTE, "{failure:?} {took:?}");
            assert!(took <= 4 * patience * MINUTE, "{failure:?} {took:?}");
            assert!(requests < 60 * poison + 40, "{failure:?} {requests}");
        }
    }
}

/// A sink whose requests fail by chance.
#[derive(Debug, Clone)]
struct Flapping {
    sink: MemorySink,
    failure: Failure,
    /// Of a hundred requests.
    failing: u32,
    until: Instant,
    rng: Arc<Mutex<fastrand::Rng>>,
}

#[async_trait]
impl LogSink for Flapping {
    fn limits(&self) -> BatchLimits {
        self.sink.limits()
    }

    fn encode(&self, entries: &[LogEntry]) -> Result<Batch, EncodeError> {
        self.sink.encode(entries)
    }

    async fn check(&self) -> Option<Result<()>> {
        Some(match self.fails() {
            true => Err(self.failure.error()),
            false => Ok(()),
        })
    }

    async fn send(&self, batch: &Batch) -> Result<()> {
        sleep(Duration::from_millis(50)).await;
        match self.fails() {
            true => {
                if self.failure == Failure::Silence {
                    sleep(Duration::from_secs(30)).await;
                }
                Err(self.failure.error())
            }
            false => self.sink.send(batch).await,
        }
    }
}

impl Flapping {
    fn fails(&self) -> bool {
        let drawn = self.rng.lock().unwrap().u32(..100);
        Instant::now() < self.until && drawn < self.failing
    }
}

/// Gives ten events each ten seconds while the endpoint flaps, or a few thousand at its beginning.
#[tokio::test(start_paused = true)]
async fn flapping_endpoint_dead_letters_nothing_in_an_hour() {
    for (failure, shares) in [
        (Failure::Page, &[30, 50, 70, 90, 97][..]),
        (Failure::ServerError, &[30, 50, 70, 90, 97]),
        (Failure::Silence, &[30, 70]),
    ] {
        for &failing in shares {
            for steady in [true, false] {
                let (pages, events) =
                    pages(if steady { 360 } else { 6 }, if steady { 10 } else { 500 });
                let source = MemorySource::new(AckOrder::Individual, Vec::new()).without_end();
                let harness = Harness::of(source, MemorySink::new());
                let flapping = Flapping {
                    sink: harness.sink.clone(),
                    failure,
                    failing,
                    until: Instant::now() + 60 * MINUTE,
                    rng: Arc::new(Mutex::new(fastrand::Rng::with_seed(u64::from(failing)))),
                };
                let source = harness.source.clone();
                let given = async move {
                    for page in pages {
                        source.push(page);
                        sleep(Duration::from_secs(if steady { 10 } else { 0 })).await;
                    }
                    sleep(3 * 60 * MINUTE).await;
                };
                let builder = harness
                    .builder_with(flapping)
                    .max_in_flight_deliveries(1000);
                run_until(builder, given).await.unwrap();
                let letters = harness.dead_letters.records().len();
                let requests = harness.sink.requests().len();
                println!(
                    "{failure:?} {failing} % {steady}: {letters} letters, {requests} accepted requests"
                );
                assert_eq!(letters, 0, "{failure:?} {failing}");
                harness.assert_all_once(&events);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn many_suspects_are_held_and_none_is_dead_lettered() {
    let (pages, events) = pages(2, 1000);
    let harness = Harness::new(AckOrder::Individual, pages);
    let bad = some(&events, 100);
    let filter = Filter::new(&harness.sink, &bad, Failure::Page);
    let builder = harness.builder_with(filter.clone());
    let summary = run_until(builder, sleep(5 * 60 * MINUTE)).await.unwrap();
    assert_eq!((summary.delivered, summary.dead_lettered), (1900, 0));
    assert_eq!(summary.handed_back, 100);
}

/// In a run that gives up after ten minutes.
#[tokio::test(start_paused = true)]
async fn bounded_run_blocks_the_event_before_it_gives_up() {
    for failure in Failure::ALL {
        let (pages, events) = pages(2, 500);
        let harness = Harness::new(AckOrder::Cumulative, pages);
        let bad = some(&events, 1);
        let filter = Filter::new(&harness.sink, &bad, failure);
        let builder = harness.builder_with(filter).give_up_after(10 * MINUTE);
        let summary = run(builder).await.unwrap();
        assert_eq!(
            (summary.delivered, summary.dead_lettered),
            (999, 1),
            "{failure:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn blocked_event_alone_in_a_quiet_log_is_dead_lettered() {
    for failure in [Failure::Page, Failure::ServerError] {
        let (pages, events) = pages(1, 1);
        let harness = Harness::new(AckOrder::Cumulative, pages);
        let filter = Filter::new(&harness.sink, &events, failure);
        let summary = run(harness.builder_with(filter)).await.unwrap();
        assert_eq!(summary.dead_lettered, 1);
    }
}

/// Without a test of its own a sink says nothing of itself: only what others show counts.
#[tokio::test(start_paused = true)]
async fn outage_takes_no_request_apart() {
    let (pages, events) = pages(4, 500);
    let harness = Harness::new(AckOrder::Cumulative, pages);
    harness.sink.fail_for(20 * 60 * MINUTE);
    let summary = run(harness.builder()).await.unwrap();
    assert_eq!(summary.delivered, 2000);
    let requests = harness.sink.requests();
    assert!(
        requests.iter().all(|entries| *entries > 1),
        "none is halved"
    );
    harness.assert_all_once(&events);
}

/// Each answer is lost for more than a day.
#[tokio::test(start_paused = true)]
async fn event_that_may_have_arrived_is_not_sent_again_when_too_old() {
    let (pages, _) = pages(1, 3);
    let harness = Harness::new(AckOrder::Cumulative, pages);
    let lost = (0..100_000).map(|_| SinkFault::LoseAnswer);
    harness.sink.script(lost);
    let began = Instant::now();
    let summary = harness.run().await;
    let hours = began.elapsed().as_secs() / 3600;
    assert!((23..25).contains(&hours), "{hours}");
    assert_eq!((summary.too_old, summary.possibly_delivered), (3, 3));
}
