//! A pipeline under a lease.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use okta_coralogix_core::testing::{MemorySink, MemorySource};
use okta_coralogix_core::{AckOrder, ErrorKind, Lease, LeaseLost};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::harness::{Harness, pages, run, run_until};

const LONG: Duration = Duration::from_secs(3600);

/// A lease that a test extends and takes away: its deadline; `None`: it is lost.
#[derive(Debug, Clone)]
struct TestLease(watch::Sender<Option<Instant>>);

impl TestLease {
    fn of(time: Duration) -> Self {
        Self(watch::Sender::new(Some(Instant::now() + time)))
    }

    fn extend(&self, time: Duration) {
        self.0.send_replace(Some(Instant::now() + time));
    }

    fn lose(&self) {
        self.0.send_replace(None);
    }
}

#[async_trait]
impl Lease for TestLease {
    async fn deadline(&self) -> Result<std::time::Instant, LeaseLost> {
        let mut changes = self.0.subscribe();
        let known = changes.wait_for(|until| until.is_none_or(|until| until > Instant::now()));
        let until = known.await.ok().and_then(|until| *until);
        until.map(Instant::into_std).ok_or(LeaseLost)
    }

    async fn lost(&self) {
        self.0.subscribe().wait_for(Option::is_none).await.ok();
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_while_the_lease_has_run_out() {
    let (pages, events) = pages(4, 25);
    let harness = Harness::of(
        MemorySource::new(AckOrder::Cumulative, pages),
        MemorySink::new(),
    );
    let lease = TestLease::of(Duration::ZERO);
    let (sink, extended) = (harness.sink.clone(), lease.clone());
    let later = tokio::spawn(async move {
        sleep(LONG).await;
        assert!(sink.arrived().is_empty());
        extended.extend(LONG);
    });
    let summary = run(harness.builder().lease(lease)).await.unwrap();
    later.await.unwrap();
    assert_eq!((summary.delivered, summary.handed_back), (100, 0));
    assert_eq!(harness.source.settled_events(), events.len());
}

#[tokio::test(start_paused = true)]
async fn request_is_not_underway_longer_than_its_lease() {
    let (pages, _) = pages(1, 10);
    // Accepted after ten seconds, if it is still waited for.
    let sink = MemorySink::new().with_latency(Duration::from_secs(10));
    let harness = Harness::of(MemorySource::new(AckOrder::Cumulative, pages), sink);
    let lease = TestLease::of(Duration::from_secs(4));
    let (sink, extended) = (harness.sink.clone(), lease.clone());
    let later = tokio::spawn(async move {
        sleep(Duration::from_secs(60)).await;
        assert!(sink.arrived().is_empty(), "it ended with its lease");
        extended.extend(LONG);
    });
    let summary = run(harness.builder().lease(lease)).await.unwrap();
    later.await.unwrap();
    assert_eq!(summary.delivered, 10);
    assert_eq!(summary.ambiguous_sends, 1, "it may have arrived");
}

#[tokio::test(start_paused = true)]
async fn lost_lease_ends_the_run_and_hands_back_what_is_underway() {
    for order in [AckOrder::Individual, AckOrder::Cumulative] {
        for is_idle in [true, false] {
            let (pages, _) = pages(2, 10);
            let sink = MemorySink::new();
            if !is_idle {
                sink.fail_for(LONG);
            }
            let source = MemorySource::new(order, pages).without_end();
            let harness = Harness::of(source, sink);
            let lease = TestLease::of(LONG);
            let taken = lease.clone();
            tokio::spawn(async move {
                sleep(Duration::from_secs(60)).await;
                taken.lose();
            });
            let began = Instant::now();
            let builder = harness.builder().lease(Arc::new(lease));
            let failed = run_until(builder, std::future::pending())
                .await
                .unwrap_err();
            assert_eq!(failed.error.kind(), ErrorKind::LeaseLost);
            assert_eq!(
                failed.error.to_string(),
                "another replica holds the log now"
            );
            assert_eq!(began.elapsed().as_secs(), 60, "at once");
            let (delivered, back) = if is_idle { (20, 0) } else { (0, 20) };
            assert_eq!(
                (failed.summary.delivered, failed.summary.handed_back),
                (delivered, back),
                "{order:?}"
            );
        }
    }
}
