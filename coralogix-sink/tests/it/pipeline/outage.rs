//! An ingress that is away for hours.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use okta_coralogix_core::filter::AgeFilter;
use okta_coralogix_core::observe::{Observer, PipelineContext, PipelineEvent};
use tokio::time::{Instant, sleep};

use super::harness::{Harness, events, run};

const OUTAGE: Duration = Duration::from_secs(10 * 3600);

/// Counts requests that failed, events taken, and the longest wait between two requests.
#[derive(Debug, Clone, Default)]
struct Watch {
    failed: Arc<AtomicUsize>,
    received: Arc<AtomicUsize>,
    longest: Arc<Mutex<Duration>>,
}

impl Observer for Watch {
    fn observe(&self, _context: &PipelineContext<'_>, signal: &PipelineEvent<'_>) {
        match signal {
            PipelineEvent::Received { items } => {
                self.received.fetch_add(*items, Ordering::Relaxed);
            }
            PipelineEvent::SendFailed { retry_in, .. } => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                let mut longest = self.longest.lock().unwrap();
                *longest = retry_in.unwrap_or_default().max(*longest);
            }
            _ => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn outage_of_ten_hours_loses_and_repeats_nothing() {
    let harness = Harness::new(events(20_000), 1_000);
    let watch = Watch::default();
    harness.ingress.set_down(true);
    let pipeline = harness
        .pipeline()
        .observer(watch.clone())
        .age_filter(AgeFilter::default());
    let began = Instant::now();
    let up = async {
        sleep(OUTAGE).await;
        let held = watch.received.load(Ordering::Relaxed);
        let failed = watch.failed.load(Ordering::Relaxed);
        harness.ingress.set_down(false);
        (held, failed)
    };
    let (summary, (held, failed)) = tokio::join!(run(pipeline), up);
    let summary = summary.unwrap();
    assert_eq!((summary.received, summary.delivered), (20_000, 20_000));
    harness.assert_all_once();
    assert_eq!(harness.source.settled_events(), 20_000);
    let requests = harness.ingress.ledger().requests().len();
    println!(
        "10 h without an ingress: {failed} attempts, {held} events held, {requests} requests after it"
    );
    // The default bound is 4,000 events in flight: further ones wait at the source.
    assert!(held <= 4_000, "{held}");
    // Four requests in flight, each tried every 15 s on average.
    assert!((5_000..15_000).contains(&failed), "{failed}");
    assert!(*watch.longest.lock().unwrap() <= Duration::from_secs(30));
    let late = began.elapsed() - OUTAGE;
    assert!(late < Duration::from_secs(60), "{late:?}");
}

#[tokio::test(start_paused = true)]
async fn event_that_expires_during_an_outage_is_not_sent() {
    let harness = Harness::new(events(400), 200);
    harness.ingress.set_down(true);
    let pipeline = harness.pipeline().age_filter(AgeFilter::new(
        Duration::from_secs(10 * 3600),
        Default::default(),
    ));
    let up = async {
        // The events are up to 400 s old already.
        sleep(OUTAGE - Duration::from_secs(200)).await;
        harness.ingress.set_down(false);
    };
    let (summary, ()) = tokio::join!(run(pipeline), up);
    let summary = summary.unwrap();
    assert!(
        summary.too_old > 150 && summary.delivered > 150,
        "{summary:?}"
    );
    assert_eq!(summary.too_old + summary.delivered, 400);
    assert_eq!(harness.ingress.arrivals() as u64, summary.delivered);
    assert_eq!(harness.ingress.ledger().repeats(), 0);
}
