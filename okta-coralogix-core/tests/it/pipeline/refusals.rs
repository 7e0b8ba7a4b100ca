//! A credential that the source or the sink refuses.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use okta_coralogix_core::sink::{Batch, BatchLimits, EncodeError};
use okta_coralogix_core::testing::{MemorySink, MemorySource, SinkFault};
use okta_coralogix_core::{AckOrder, Error, ErrorKind, LogEntry, LogSink, Result};
use tokio::time::{Instant, sleep};

use super::harness::{Harness, pages, run};

fn refusal() -> Error {
    Error::new(ErrorKind::Unauthorized, "no such key")
}

#[tokio::test(start_paused = true)]
async fn refused_key_is_tried_once_more_after_a_minute() {
    let (pages, events) = pages(8, 1000);
    let source = MemorySource::new(AckOrder::Cumulative, pages);
    let sink = MemorySink::new().with_latency(Duration::from_secs(1));
    let harness = Harness::of(source, sink);
    // Each of the requests in flight is refused; a minute later the key is good.
    harness
        .sink
        .script((0..4).map(|_| SinkFault::Refuse(refusal())));
    let started = Instant::now();
    run(harness.builder()).await.unwrap();
    harness.assert_all_once(&events);
    let seconds = started.elapsed().as_secs();
    assert!((60..70).contains(&seconds), "{seconds}");
    let requests = harness.sink.requests().len();
    assert!((4 + 8..20).contains(&requests), "{requests}");
}

#[tokio::test(start_paused = true)]
async fn key_that_stays_refused_gets_five_requests_in_all() {
    let (pages, _) = pages(8, 1000);
    let source = MemorySource::new(AckOrder::Cumulative, pages);
    let sink = MemorySink::new().with_latency(Duration::from_secs(1));
    let harness = Harness::of(source, sink);
    harness.sink.refuse_all(Some(refusal));
    let failed = run(harness.builder()).await.unwrap_err();
    assert_eq!(failed.error.kind(), ErrorKind::Unauthorized);
    assert_eq!(failed.summary.handed_back, failed.summary.received);
    assert_eq!(harness.sink.requests().len(), 4 + 1);
}

#[tokio::test(start_paused = true)]
async fn refused_key_ends_the_run_at_once_without_a_wait() {
    let (pages, _) = pages(8, 1000);
    let harness = Harness::new(AckOrder::Cumulative, pages);
    harness.sink.refuse_all(Some(refusal));
    let started = Instant::now();
    run(harness.builder().refusal_wait(Duration::ZERO))
        .await
        .unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn refused_token_of_the_source_is_tried_once_more_after_a_minute() {
    let (pages, events) = pages(3, 10);
    let harness = Harness::new(AckOrder::Cumulative, pages);
    harness.source.fail_with([refusal()]);
    let started = Instant::now();
    run(harness.builder()).await.unwrap();
    harness.assert_all_once(&events);
    assert!(started.elapsed() >= Duration::from_secs(60));
    harness.source.fail_with([refusal(), refusal()]);
    let failed = run(harness.builder()).await.unwrap_err();
    assert_eq!(failed.error.kind(), ErrorKind::Unauthorized);
}

#[tokio::test(start_paused = true)]
async fn source_that_refuses_its_token_does_not_take_back_what_it_gave() {
    let (pages, events) = pages(4, 500);
    let source = MemorySource::new(AckOrder::Cumulative, pages).without_end();
    let sink = MemorySink::new().with_latency(Duration::from_secs(5));
    let harness = Harness::of(source, sink);
    let refuse = harness.source.clone();
    let builder = harness.builder().refusal_wait(Duration::ZERO);
    let run = tokio::spawn(run(builder));
    // All pages are given, none has arrived.
    sleep(Duration::from_secs(1)).await;
    refuse.fail_with([refusal()]);
    let failed = run.await.unwrap().unwrap_err();
    assert_eq!(failed.error.kind(), ErrorKind::Unauthorized);
    assert_eq!(
        (failed.summary.delivered, failed.summary.handed_back),
        (2000, 0)
    );
    harness.assert_all_once(&events);
    assert_eq!(harness.source.settled_events(), 2000);
}

/// Forbids one event at first, and answers checks late, by an error.
#[derive(Debug, Clone)]
struct SlowChecks {
    sink: MemorySink,
    forbidden: Bytes,
    /// When requests with this event were sent.
    sent: Arc<Mutex<Vec<Instant>>>,
}

#[async_trait]
impl LogSink for SlowChecks {
    fn limits(&self) -> BatchLimits {
        self.sink.limits()
    }

    fn encode(&self, entries: &[LogEntry]) -> Result<Batch, EncodeError> {
        self.sink.encode(entries)
    }

    async fn check(&self) -> Option<Result<()>> {
        sleep(Duration::from_secs(20)).await;
        Some(Err(Error::temporary(ErrorKind::Network, "reset")))
    }

    async fn send(&self, batch: &Batch) -> Result<()> {
        if !MemorySink::texts(batch).contains(&self.forbidden) {
            sleep(Duration::from_secs(10)).await;
            return self.sink.send(batch).await;
        }
        let attempts = {
            let mut sent = self.sent.lock().unwrap();
            sent.push(Instant::now());
            sent.len()
        };
        match attempts {
            1 => Err(Error::new(ErrorKind::Forbidden, "403")),
            _ => self.sink.send(batch).await,
        }
    }
}

/// The answer to the check is lost, so that the 403 is judged after another request was accepted: the key is good.
#[tokio::test(start_paused = true)]
async fn refusal_that_is_judged_after_an_acceptance_starts_no_rest() {
    let (pages, events) = pages(1, 2);
    let one = BatchLimits::new(1, 100_000);
    let source = MemorySource::new(AckOrder::Individual, pages);
    let harness = Harness::of(source, MemorySink::with_limits(one));
    let sink = SlowChecks {
        sink: harness.sink.clone(),
        forbidden: events[0].json.clone(),
        sent: Arc::default(),
    };
    let sent = Arc::clone(&sink.sent);
    let summary = run(harness.builder_with(sink)).await.unwrap();
    assert_eq!(summary.delivered, 2);
    harness.assert_all_once(&events);
    let sent = sent.lock().unwrap();
    let waited = sent[1] - sent[0];
    let [check, rest] = [20, 60].map(Duration::from_secs);
    assert!(check <= waited && waited < rest, "{waited:?}");
}
