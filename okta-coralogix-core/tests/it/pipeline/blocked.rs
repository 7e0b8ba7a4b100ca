//! Events that something refuses, or at which the sink fails, while others pass.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use okta_coralogix_core::dead_letter::DeadLetterReason;
use okta_coralogix_core::sink::{Batch, BatchLimits, EncodeError};
use okta_coralogix_core::testing::{GeneratedEvent, MemorySink};
use okta_coralogix_core::{AckOrder, Error, ErrorKind, LogEntry, LogSink, Result};
use tokio::time::{Instant, sleep};

use super::harness::{Harness, pages, run};

const MINUTE: Duration = Duration::from_secs(60);

/// How a request with a poison entry fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
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
    const ALL: [Self; 7] = [
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
            Self::Silence => Error::temporary(ErrorKind::Network, "silence").with_ambiguity(true),
        }
    }
}

/// Passes requests to a sink unless they hold a poison entry.
#[derive(Debug, Clone)]
struct Filter {
    sink: MemorySink,
    poison: Arc<HashSet<Bytes>>,
    failure: Failure,
    checks: Arc<Mutex<Vec<Instant>>>,
    /// Requests that failed.
    failures: Arc<Mutex<Vec<usize>>>,
}

impl Filter {
    fn new(sink: &MemorySink, poison: &[GeneratedEvent], failure: Failure) -> Self {
        Self {
            sink: sink.clone(),
            poison: Arc::new(poison.iter().map(|event| event.json.clone()).collect()),
            failure,
            checks: Arc::default(),
            failures: Arc::default(),
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
        Some(Ok(()))
    }

    async fn send(&self, batch: &Batch) -> Result<()> {
        let texts = MemorySink::texts(batch);
        if !texts.iter().any(|text| self.poison.contains(text)) {
            sleep(Duration::from_millis(50)).await;
            return self.sink.send(batch).await;
        }
        self.failures.lock().unwrap().push(texts.len());
        match self.failure {
            Failure::ServerErrorAfterAcceptance => self.sink.send(batch).await?,
            Failure::Silence => sleep(Duration::from_secs(30)).await,
            _ => {}
        }
        Err(self.failure.error())
    }
}

/// Every n-th event of `of`.
fn some(events: &[GeneratedEvent], of: usize) -> Vec<GeneratedEvent> {
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
            assert!(took <= 2 * patience * MINUTE, "{failure:?} {took:?}");
            assert!(requests < 60 * poison + 40, "{failure:?} {requests}");
        }
    }
}
