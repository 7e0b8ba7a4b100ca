//! What every status means for the events.

use std::time::Duration;

use coralogix_sink::simulator::Fault;
use okta_coralogix_core::ErrorKind;

use super::harness::{World, events, run};

/// What becomes of the events behind a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Taken for delivered.
    Delivered,
    /// Sent again, as they are, for as long as it takes.
    Repeated,
    /// Sent again in smaller requests; one that is refused alone goes to the dead letters, unless every one is, which is the
    /// endpoint's fault.
    Split,
    /// Kept: the run ends with this kind of error.
    Kept(ErrorKind),
}

fn fate(status: u16) -> Fate {
    match status {
        200..=299 => Fate::Delivered,
        300..=399 | 404 | 405 | 410 => Fate::Kept(ErrorKind::WrongEndpoint),
        401 => Fate::Kept(ErrorKind::Unauthorized),
        403 => Fate::Kept(ErrorKind::Forbidden),
        400 | 413 | 422 => Fate::Split,
        _ => Fate::Repeated,
    }
}

const EVENTS: usize = 5;

#[tokio::test(start_paused = true)]
async fn a_status_that_comes_once_loses_and_repeats_no_event() {
    for status in 200..=599 {
        let world = World::new(events(EVENTS), EVENTS);
        world.ingress.fail_next(1, Fault::status(status));
        let ended = run(world.pipeline()).await;
        match (fate(status), ended) {
            // The scripted 2xx takes nothing: whoever believes it has delivered.
            (Fate::Delivered, Ok(summary)) => {
                assert_eq!(summary.delivered, 5, "{status}");
                assert_eq!(world.source.settled_events(), EVENTS, "{status}");
                assert_eq!(world.ingress.ledger().requests().len(), 1, "{status}");
                continue;
            }
            (Fate::Repeated | Fate::Split, Ok(summary)) => {
                assert_eq!(summary.delivered, 5, "{status}");
            }
            (Fate::Kept(kind), Err(failed)) => {
                assert_eq!(failed.error.kind(), kind, "{status}");
                world.assert_nothing_consumed(&failed);
                assert_eq!(world.ingress.arrivals(), 0, "{status}");
                assert_eq!(world.run().await.delivered, 5, "{status}");
            }
            (fate, ended) => panic!("{status}: {fate:?}, {ended:?}"),
        }
        world.assert_all_once();
        assert_eq!(world.letters(), [], "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_status_that_stays_delivers_nothing_unless_it_is_a_2xx() {
    for status in 200..=599 {
        let world = World::new(events(EVENTS), EVENTS);
        world.ingress.fail_always(Some(Fault::status(status)));
        let pipeline = world.pipeline().give_up_after(Duration::from_secs(300));
        let ended = run(pipeline).await;
        let delivered = match &ended {
            Ok(summary) => summary.delivered,
            Err(failed) => failed.summary.delivered,
        };
        let is_success = (200..300).contains(&status);
        assert_eq!(delivered, if is_success { 5 } else { 0 }, "{status}");
        match (fate(status), ended) {
            (Fate::Delivered, Ok(_)) => {}
            (Fate::Split, Err(failed)) => {
                assert_eq!(failed.error.kind(), ErrorKind::WrongEndpoint, "{status}");
                world.assert_nothing_consumed(&failed);
            }
            (Fate::Kept(kind), Err(failed)) => {
                assert_eq!(failed.error.kind(), kind, "{status}");
                world.assert_nothing_consumed(&failed);
                assert_eq!(world.ingress.ledger().requests().len(), 1, "{status}");
            }
            (Fate::Repeated, Err(failed)) => {
                assert_eq!(failed.error.kind(), ErrorKind::GaveUp, "{status}");
                world.assert_nothing_consumed(&failed);
                assert!(world.ingress.ledger().requests().len() > 10, "{status}");
            }
            (fate, ended) => panic!("{status}: {fate:?}, {ended:?}"),
        }
    }
}
