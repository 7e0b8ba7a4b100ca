//! `give_up_after`: what counts as progress.

use std::time::Duration;

use okta_coralogix_core::testing::{MemorySink, MemorySource};
use okta_coralogix_core::{AckOrder, Error, ErrorKind};
use tokio::time::{Instant, sleep, timeout};

use super::harness::{Harness, pages, run, run_until};

#[tokio::test(start_paused = true)]
async fn give_up_after_counts_hand_backs_at_a_deadline_as_no_progress() {
    for order in [AckOrder::Individual, AckOrder::Cumulative] {
        for count in [1, 20] {
            let (pages, _) = pages(count, 10);
            let source = MemorySource::new(order, pages).with_budget(Duration::from_secs(4));
            let harness = Harness::of(source, MemorySink::new());
            harness.sink.fail_for(Duration::from_secs(7200));
            let began = Instant::now();
            let builder = harness.builder().give_up_after(Duration::from_secs(60));
            let ended = timeout(Duration::from_secs(600), run(builder)).await;
            let failed = ended.expect("it gives up").unwrap_err();
            assert_eq!(failed.error.kind(), ErrorKind::GaveUp);
            let seconds = began.elapsed().as_secs();
            assert!((60..70).contains(&seconds), "{order:?}: {seconds} s");
            assert_eq!(failed.summary.handed_back, failed.summary.received);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn give_up_after_forgets_a_settlement_failure_that_is_over() {
    for order in [AckOrder::Individual, AckOrder::Cumulative] {
        let (pages, events) = pages(1, 10);
        let source = MemorySource::new(order, pages).without_end();
        source.fail_acks_with([Error::temporary(ErrorKind::Network, "the store is away")]);
        let harness = Harness::of(source, MemorySink::new());
        let builder = harness.builder().give_up_after(Duration::from_secs(600));
        let summary = run_until(builder, sleep(Duration::from_secs(7200))).await;
        assert_eq!(summary.unwrap().delivered, 10, "{order:?}");
        assert_eq!(harness.source.settled_events(), events.len());
    }
}
