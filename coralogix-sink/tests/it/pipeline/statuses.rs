//! Events after each status of the ingress.

use std::time::Duration;

use coralogix_sink::simulator::Fault;
use okta_coralogix_core::ErrorKind;

use super::harness::{Harness, events, run};

/// Where the events of a request end after its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// They count as delivered.
    Delivered,
    /// The same request is sent again until it is accepted.
    Repeated,
    /// They are sent again in smaller requests. An event that is refused alone is dead-lettered; if every one is, the run ends.
    Split,
    /// They are sent once more after a minute, and then handed back: the run ends with this kind of error.
    Refused(ErrorKind),
    /// The same request is sent again, for five minutes; then they are handed back.
    Intercepted,
    /// They are handed back: the run ends with this kind of error.
    Kept(ErrorKind),
}

fn fate(status: u16) -> Fate {
    match status {
        200..=202 | 204 => Fate::Delivered,
        200..=399 | 407 | 411 | 415 | 421 | 451 | 511 => Fate::Intercepted,
        404 | 405 | 410 => Fate::Kept(ErrorKind::WrongEndpoint),
        401 => Fate::Refused(ErrorKind::Unauthorized),
        403 => Fate::Refused(ErrorKind::Forbidden),
        400 | 413 | 422 => Fate::Split,
        _ => Fate::Repeated,
    }
}

const EVENTS: usize = 5;

#[tokio::test(start_paused = true)]
async fn status_returned_once_loses_and_repeats_no_event() {
    for status in 200..=599 {
        let harness = Harness::new(events(EVENTS), EVENTS);
        harness.ingress.fail_next(1, Fault::status(status));
        let ended = run(harness.pipeline()).await;
        match (fate(status), ended) {
            // The scripted 2xx stores nothing, but counts as delivered.
            (Fate::Delivered, Ok(summary)) => {
                assert_eq!(summary.delivered, 5, "{status}");
                assert_eq!(harness.source.settled_events(), EVENTS, "{status}");
                assert_eq!(harness.ingress.ledger().requests().len(), 1, "{status}");
                continue;
            }
            (Fate::Repeated | Fate::Split | Fate::Refused(_) | Fate::Intercepted, Ok(summary)) => {
                assert_eq!(summary.delivered, 5, "{status}");
            }
            (Fate::Kept(kind), Err(failed)) => {
                assert_eq!(failed.error.kind(), kind, "{status}");
                harness.assert_nothing_consumed(&failed);
                assert_eq!(harness.ingress.arrivals(), 0, "{status}");
                assert_eq!(harness.run().await.delivered, 5, "{status}");
            }
            (fate, ended) => panic!("{status}: {fate:?}, {ended:?}"),
        }
        harness.assert_all_once();
        assert_eq!(harness.letters(), [], "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn status_returned_always_delivers_nothing_unless_a_success() {
    for status in 200..=599 {
        let harness = Harness::new(events(EVENTS), EVENTS);
        harness.ingress.fail_always(Some(Fault::status(status)));
        let pipeline = harness.pipeline().give_up_after(Duration::from_secs(600));
        let ended = run(pipeline).await;
        let delivered = match &ended {
            Ok(summary) => summary.delivered,
            Err(failed) => failed.summary.delivered,
        };
        let is_success = fate(status) == Fate::Delivered;
        assert_eq!(delivered, if is_success { 5 } else { 0 }, "{status}");
        match (fate(status), ended) {
            (Fate::Delivered, Ok(_)) => {}
            (Fate::Split, Err(failed)) => {
                assert_eq!(failed.error.kind(), ErrorKind::WrongEndpoint, "{status}");
                harness.assert_nothing_consumed(&failed);
            }
            (Fate::Kept(kind) | Fate::Refused(kind), Err(failed)) => {
                assert_eq!(failed.error.kind(), kind, "{status}");
                harness.assert_nothing_consumed(&failed);
                let requests = 1 + usize::from(matches!(fate(status), Fate::Refused(_)));
                let ledger = harness.ingress.ledger();
                let sent = ledger.requests().len() - ledger.empty_requests();
                assert_eq!(sent, requests, "{status}");
            }
            (Fate::Intercepted, Err(failed)) => {
                assert_eq!(failed.error.kind(), ErrorKind::WrongEndpoint, "{status}");
                assert_eq!(failed.summary.handed_back, 5, "{status}");
                assert_eq!(harness.source.settled_events(), 0, "{status}");
                let ledger = harness.ingress.ledger();
                let sent = ledger.requests().len() - ledger.empty_requests();
                assert_eq!(sent == 4, status < 300, "{status}: {sent}");
            }
            (Fate::Repeated, Err(failed)) => {
                assert_eq!(failed.error.kind(), ErrorKind::GaveUp, "{status}");
                harness.assert_nothing_consumed(&failed);
                assert!(harness.ingress.ledger().requests().len() > 10, "{status}");
            }
            (fate, ended) => panic!("{status}: {fate:?}, {ended:?}"),
        }
    }
}
