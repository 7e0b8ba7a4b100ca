//! Worlds that have found a fault of ours, kept as they were when they did.

use std::time::Duration;

use okta_coralogix_world::{
    Arrival, Happening, Kind, NetFault, Plan, Route, Seam, Settings, Trouble, report, run,
};

fn is_well(plan: &Plan) {
    assert!(run(plan, false).violations.is_empty(), "{}", report(plan));
}

fn fresh(at: impl IntoIterator<Item = u64>) -> Vec<Arrival> {
    at.into_iter()
        .map(|seconds| Arrival {
            at: Duration::from_secs(seconds),
            kind: Kind::Fresh,
        })
        .collect()
}

/// An event was judged by the host's new time, and the offset to the far side's clock from before.
#[test]
fn a_host_clock_that_steps_between_two_answers_drops_no_event_that_is_pushed() {
    for route in [Route::Http, Route::Sqs] {
        for second in 1..30 {
            is_well(&Plan {
                seed: 1,
                route,
                programs: 1,
                settings: Settings {
                    page: 1,
                    deliveries: 1,
                    ..Settings::default()
                },
                latency: Duration::from_millis(1_000),
                arrivals: fresh([0, 0, 0, 0, 0, 40]),
                troubles: vec![Trouble::At(
                    Duration::from_secs(second),
                    Happening::Clock(2 * 24 * 3600),
                )],
            });
        }
    }
}

/// The first call of the queue had no bound of time, and so the program never began.
#[test]
fn a_queue_that_never_answers_its_first_call_is_asked_again() {
    is_well(&Plan {
        seed: 1,
        route: Route::Sqs,
        programs: 1,
        settings: Settings::default(),
        latency: Duration::from_millis(50),
        arrivals: fresh([0]),
        troubles: vec![Trouble::Net(Seam::Queue, 1, NetFault::Stalled)],
    });
}

/// A request was refused; the single entries of it that were tried then were not judged by their age again.
#[test]
fn an_event_that_grows_too_old_before_it_is_tried_alone_is_not_sent() {
    for seconds in 1..20 {
        let event = |kind| Arrival {
            at: Duration::ZERO,
            kind,
        };
        is_well(&Plan {
            seed: 1,
            route: Route::Pull,
            programs: 1,
            settings: Settings {
                entries: 3,
                ..Settings::default()
            },
            latency: Duration::from_millis(2_500),
            arrivals: vec![event(Kind::Ageing(seconds)), event(Kind::Poison)],
            troubles: Vec::new(),
        });
    }
}
