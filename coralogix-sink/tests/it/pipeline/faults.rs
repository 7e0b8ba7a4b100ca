//! Events across faults of the transport.

use std::time::Duration;

use coralogix_sink::simulator::{CoralogixSimulator, Fault, RetryAfter};
use okta_coralogix_core::ErrorKind;
use tokio::time::Instant;

use super::harness::{Harness, events, run};

const LONG: Duration = Duration::from_secs(60);

/// Uncompressed bytes whose gzip is longer than the sink reads.
const BOMB: usize = 1 << 27;

/// Each fault, and how often the events of the faulty request arrive.
fn passing() -> Vec<(Fault, usize)> {
    vec![
        (Fault::ResetBeforeReading, 1),
        (Fault::SlowReading(LONG), 1),
        (Fault::SlowReading(Duration::from_secs(10)), 1),
        (Fault::Slow(Duration::from_secs(10)), 1),
        // The ingress stored the entries, but the answer was lost: they are sent twice so that none is lost.
        (Fault::ResetAfterAccepting, 2),
        (Fault::HalfAnswer, 2),
        (Fault::StalledAnswer, 2),
        (Fault::Slow(LONG), 2),
        // Small enough to be read: a 2xx counts, however long its body would be after decompression.
        (bomb(200, 1 << 20), 1),
        (bomb(503, BOMB), 1),
        (Fault::html(502), 1),
    ]
}

fn bomb(status: u16, uncompressed_bytes: usize) -> Fault {
    Fault::GzipBomb {
        status,
        uncompressed_bytes,
    }
}

#[tokio::test(start_paused = true)]
async fn temporary_fault_loses_no_event_and_repeats_only_unconfirmed_ones() {
    for (fault, arrivals) in passing() {
        let harness = Harness::new(events(5), 5);
        harness.ingress.fail_next(1, fault.clone());
        let summary = run(harness.pipeline()).await.unwrap();
        assert_eq!(summary.delivered, 5, "{fault:?}");
        assert_eq!(harness.source.settled_events(), 5, "{fault:?}");
        let ledger = harness.ingress.ledger();
        assert_eq!(
            ledger.missing(harness.ids()),
            Vec::<&str>::new(),
            "{fault:?}"
        );
        assert_eq!(ledger.repeats(), 5 * (arrivals - 1), "{fault:?}");
        assert_eq!(ledger.out_of_order(harness.ids()), 0, "{fault:?}");
        assert_eq!(harness.letters(), [], "{fault:?}");
    }
}

/// Answers of something between.
fn interceptions() -> [Fault; 6] {
    [
        Fault::Redirect("https://elsewhere.example".into()),
        Fault::html(200),
        Fault::html(204),
        Fault::html(400),
        Fault::html(401),
        Fault::html(404),
    ]
}

#[tokio::test(start_paused = true)]
async fn interception_that_passes_loses_no_event() {
    for fault in interceptions() {
        let harness = Harness::new(events(5), 5);
        harness.ingress.fail_next(3, fault.clone());
        let summary = run(harness.pipeline()).await.unwrap();
        assert_eq!(summary.delivered, 5, "{fault:?}");
        assert_eq!(harness.ingress.ledger().requests().len(), 4, "{fault:?}");
        assert_eq!(harness.letters(), [], "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn interception_that_lasts_ends_the_run_and_consumes_no_event() {
    for fault in interceptions() {
        let harness = Harness::new(events(5), 5);
        harness.ingress.fail_always(Some(fault.clone()));
        let failed = run(harness.pipeline()).await.unwrap_err();
        assert_eq!(failed.error.kind(), ErrorKind::WrongEndpoint, "{fault:?}");
        assert_eq!(failed.summary.handed_back, 5, "{fault:?}");
        assert_eq!(harness.source.settled_events(), 0, "{fault:?}");
        harness.ingress.fail_always(None);
        harness.run().await;
        harness.assert_all_once();
    }
}

/// Each of the answers is to entries that the ingress stored.
#[tokio::test(start_paused = true)]
async fn http_200_with_oversized_body_repeats_the_request_a_few_times() {
    let harness = Harness::new(events(5), 5);
    harness.ingress.fail_always(Some(bomb(200, BOMB)));
    let failed = run(harness.pipeline()).await.unwrap_err();
    assert_eq!(failed.error.kind(), ErrorKind::WrongEndpoint);
    assert_eq!(harness.source.settled_events(), 0);
    let repeats = harness.ingress.ledger().repeats() / 5;
    assert!((3..12).contains(&repeats), "{repeats}");
}

/// The ingress may have stored the entries, so they must not be sent again and again.
#[tokio::test(start_paused = true)]
async fn success_page_is_followed_by_empty_requests_until_the_ingress_answers() {
    let harness = Harness::new(events(5), 5);
    harness.ingress.fail_next(12, Fault::html(200));
    let summary = run(harness.pipeline()).await.unwrap();
    assert_eq!((summary.delivered, summary.ambiguous_sends), (5, 4));
    let ledger = harness.ingress.ledger();
    // Of the twelve pages four answered the request; the ninth check was answered by the ingress.
    assert_eq!(ledger.requests().len(), 12 + 1 + 1);
    assert_eq!(ledger.empty_requests(), 9);
    assert_eq!(ledger.repeats(), 0);
}

#[tokio::test(start_paused = true)]
async fn connection_failure_consumes_no_event() {
    let harness = Harness::new(events(5), 5);
    harness.ingress.set_down(true);
    let failed = run(harness.pipeline().give_up_after(LONG))
        .await
        .unwrap_err();
    assert_eq!(failed.error.kind(), ErrorKind::GaveUp);
    harness.assert_nothing_consumed(&failed);
    harness.ingress.set_down(false);
    harness.run().await;
    harness.assert_all_once();
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_waited_for_in_both_forms() {
    let wait = Duration::from_secs(40);
    for retry_after in [RetryAfter::Seconds(40), RetryAfter::Date(wait)] {
        for status in [429, 503] {
            let harness = Harness::new(events(5), 5);
            harness
                .ingress
                .fail_next(1, Fault::retry_after(status, retry_after));
            let began = Instant::now();
            harness.run().await;
            let took = began.elapsed();
            assert!(
                took >= wait && took < wait + Duration::from_secs(1),
                "{took:?}"
            );
            harness.assert_all_once();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn repeated_request_has_the_same_bytes_as_the_first() {
    let harness = Harness::new(events(50), 50);
    harness.ingress.fail_next(2, Fault::status(503));
    harness.ingress.fail_next(1, Fault::HalfAnswer);
    harness.run().await;
    let requests = requests(&harness.ingress);
    assert_eq!(requests.len(), 4);
    assert!(requests.iter().all(|hash| *hash == requests[0]));
}

fn requests(ingress: &CoralogixSimulator) -> Vec<u64> {
    let ledger = ingress.ledger();
    ledger.requests().iter().map(|r| r.wire_hash).collect()
}
