//! An ingress that needs long for a request, or that is reached over a slow line.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use coralogix_sink::CoralogixSink;
use coralogix_sink::simulator::CoralogixSimulator;
use http::{Request, Response};
use okta_coralogix_core::sink::{Batch, BatchLimits, EncodeError};
use okta_coralogix_core::transport::{Body, Transport, TransportError};
use okta_coralogix_core::{LogEntry, LogSink};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use super::harness::{Harness, events, run};

/// What takes its time.
#[derive(Debug, Clone, Copy)]
enum Slowness {
    /// Entries are stored at once, and answered after so long for each.
    PerEntry(Duration),
    /// All connections together upload so many bytes a second, and no transport sees how far they are: all is in buffers on the way. What is
    /// not whole is not stored.
    Upload(usize),
}

#[derive(Debug, Clone)]
struct SlowIngress {
    ingress: CoralogixSimulator,
    slowness: Slowness,
    /// Whose turn it is to upload, or to be stored.
    line: Arc<Mutex<()>>,
    /// Requests that were begun.
    calls: Arc<AtomicUsize>,
}

#[async_trait]
impl Transport for SlowIngress {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if let Slowness::Upload(rate) = self.slowness {
            for part in request.body().chunks(1024) {
                let _turn = self.line.lock().await;
                sleep(Duration::from_secs(1) * part.len() as u32 / rate as u32).await;
            }
        }
        let (answer, entries) = {
            // One at a time, so that the entries of others are not counted.
            let _turn = self.line.lock().await;
            let before = self.ingress.arrivals();
            let answer = self.ingress.call(request).await;
            (answer, self.ingress.arrivals() - before)
        };
        if let Slowness::PerEntry(time) = self.slowness {
            sleep(time * entries as u32).await;
        }
        answer
    }
}

/// Compresses where it encodes. Threads of their own would answer in an order of their own.
#[derive(Debug)]
struct InOrder(CoralogixSink);

#[async_trait]
impl LogSink for InOrder {
    fn limits(&self) -> BatchLimits {
        self.0.limits()
    }

    fn encode(&self, entries: &[LogEntry]) -> Result<Batch, EncodeError> {
        self.0.encode(entries).map(|batch| self.0.compress(batch))
    }

    async fn check(&self) -> Option<okta_coralogix_core::Result<()>> {
        LogSink::check(&self.0).await
    }

    fn reconnect(&self) {
        self.0.reconnect();
    }

    async fn send(&self, batch: &Batch) -> okta_coralogix_core::Result<()> {
        self.0.send(batch).await
    }
}

struct Ended {
    took: Duration,
    /// Requests that were begun.
    requests: usize,
    /// Entries that were stored more than once, each as often as it was too often.
    repeats: usize,
}

/// Delivers so many events through a slow ingress, each at least once.
async fn deliver(count: usize, slowness: Slowness, seconds: Option<u64>) -> Ended {
    let harness = Harness::new(events(count), 1_000);
    let slow = SlowIngress {
        ingress: harness.ingress.clone(),
        slowness,
        line: Arc::default(),
        calls: Arc::default(),
    };
    let calls = Arc::clone(&slow.calls);
    let sink = harness.sink().transport(Arc::new(slow));
    let sink = match seconds {
        Some(seconds) => sink.timeout(Duration::from_secs(seconds)),
        None => sink,
    };
    let began = Instant::now();
    let run = run(harness.pipeline_with(InOrder(sink.build().unwrap())));
    let summary = timeout(Duration::from_secs(6 * 3600), run).await;
    let summary = summary.expect("the run ends").unwrap();
    assert_eq!(summary.delivered as usize, count);
    assert!(harness.letters().is_empty());
    let ledger = harness.ingress.ledger();
    assert_eq!(ledger.missing(harness.ids()), Vec::<&str>::new());
    let ended = Ended {
        took: began.elapsed(),
        requests: calls.load(Ordering::Relaxed),
        repeats: ledger.repeats(),
    };
    let Ended {
        took,
        requests,
        repeats,
    } = ended;
    println!(
        "{count} events, {slowness:?}, time-out {seconds:?}: {requests} requests, {repeats} repeats, {took:?}"
    );
    ended
}

#[tokio::test(start_paused = true)]
async fn ingress_slow_per_entry_gets_smaller_requests_and_all_events() {
    let slowness = Slowness::PerEntry(Duration::from_millis(80));
    for seconds in [None, Some(15)] {
        // The events that were in flight when the first time-outs came are sent again; of the later ones few are.
        for (count, most) in [(400, 2_000), (3_000, 18_000), (12_000, 20_000)] {
            let Ended { took, repeats, .. } = deliver(count, slowness, seconds).await;
            assert!(repeats <= most, "{count}: {repeats}");
            assert!(took < Duration::from_secs(1200), "{count}: {took:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn events_arrive_over_a_line_of_12_kilobytes_a_second() {
    for seconds in [None, Some(15)] {
        for (count, most) in [(3_000, 60), (12_000, 240)] {
            let Ended {
                took,
                requests,
                repeats,
            } = deliver(count, Slowness::Upload(12_000), seconds).await;
            assert_eq!(repeats, 0);
            assert!(requests <= most, "{count}: {requests}");
            assert!(took < Duration::from_secs(2400), "{count}: {took:?}");
        }
    }
}
