//! Worlds that have found a fault of ours, kept as they were when they did.

use std::time::Duration;

use okta_coralogix_world::{
    Arrival, EventKind, Fault, Incident, NetFault, Plan, QueueKind, Route, Seam, Settings, report,
    run,
};

fn is_well(plan: &Plan) {
    assert!(run(plan, false).violations.is_empty(), "{}", report(plan));
}

fn fresh(at: impl IntoIterator<Item = u64>) -> Vec<Arrival> {
    at.into_iter()
        .map(|seconds| Arrival {
            at: Duration::from_secs(seconds),
            kind: EventKind::Fresh,
        })
        .collect()
}

/// A world with one program and the usual settings.
fn plan(route: Route, arrivals: Vec<Arrival>, faults: Vec<Fault>) -> Plan {
    Plan {
        seed: 1,
        route,
        queue: QueueKind::default(),
        programs: 1,
        settings: Settings::default(),
        latency: Duration::from_millis(50),
        arrivals,
        faults,
    }
}

/// An event was judged by the host's new time, and the offset to the far side's clock from before.
#[test]
fn a_host_clock_that_steps_between_two_answers_drops_no_event_that_is_pushed() {
    for route in [Route::Http, Route::Sqs] {
        for second in 1..30 {
            is_well(&Plan {
                seed: 1,
                route,
                queue: QueueKind::default(),
                programs: 1,
                settings: Settings {
                    page: 1,
                    deliveries: 1,
                    ..Settings::default()
                },
                latency: Duration::from_millis(1_000),
                arrivals: fresh([0, 0, 0, 0, 0, 40]),
                faults: vec![Fault::At(
                    Duration::from_secs(second),
                    Incident::Clock(2 * 24 * 3600),
                )],
            });
        }
    }
}

/// The first call of the queue had no bound of time, and so the program never began.
#[test]
fn a_queue_that_never_answers_its_first_call_is_asked_again() {
    let stalled = Fault::Net(Seam::Queue, 1, NetFault::Stalled);
    is_well(&plan(Route::Sqs, fresh([0]), vec![stalled]));
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
            queue: QueueKind::default(),
            programs: 1,
            settings: Settings {
                entries: 3,
                ..Settings::default()
            },
            latency: Duration::from_millis(2_500),
            arrivals: vec![event(EventKind::Ageing(seconds)), event(EventKind::Poison)],
            faults: Vec::new(),
        });
    }
}

/// The ingress has not answered yet, so that only the host's clock says what is too old; and that is wrong.
#[test]
fn a_host_clock_that_is_ahead_before_the_ingress_has_answered_drops_no_event_that_is_pushed() {
    // By two days, and so that events seem to grow too old while they wait.
    let ahead = (86_300..86_400).step_by(4).chain([2 * 24 * 3600]);
    for (second, ahead) in ahead.enumerate() {
        let faults = vec![
            Fault::At(
                Duration::ZERO,
                Incident::Outage(Seam::Ingress, Duration::from_secs(60)),
            ),
            Fault::At(
                Duration::from_secs(second as u64 / 4),
                Incident::Clock(ahead),
            ),
        ];
        let arrivals = fresh([0, 1, 4, 9, 16, 70]);
        is_well(&plan(Route::Http, arrivals, faults));
    }
}

/// A request waited until another one had its answer, and its events had been judged by their age before that.
#[test]
fn an_event_that_grows_too_old_while_a_request_waits_for_another_is_not_sent() {
    let arrivals = [
        (0, EventKind::NoUuid),
        (1_576, EventKind::Noise),
        (1_576, EventKind::NoTime),
        (1_576, EventKind::Ageing(36)),
        (3_608, EventKind::NoUuid),
        (3_608, EventKind::Ageing(40)),
        (3_608, EventKind::Duplicate),
        (3_608, EventKind::Ageing(38)),
        (3_608, EventKind::Ageing(22)),
        (3_608, EventKind::Ageing(58)),
        (3_608, EventKind::Ageing(31)),
        (17_890, EventKind::Ageing(20)),
        (17_890, EventKind::NoTime),
        (17_890, EventKind::Ageing(37)),
        (17_890, EventKind::NoTime),
        (17_890, EventKind::Noise),
        (18_558, EventKind::Ageing(33)),
        (21_504, EventKind::Ageing(11)),
        (21_504, EventKind::Ageing(19)),
        (21_504, EventKind::Ageing(31)),
    ];
    is_well(&Plan {
        seed: 10_843_940_050_807_586_559,
        route: Route::Pull,
        queue: QueueKind::default(),
        programs: 1,
        settings: Settings {
            page: 4,
            deliveries: 3,
            requests: 3,
            entries: 3,
            gzip: false,
            filter: false,
            drain: Duration::from_secs(2),
        },
        latency: Duration::from_millis(2_500),
        arrivals: arrivals
            .map(|(at, kind)| Arrival {
                at: Duration::from_millis(at),
                kind,
            })
            .to_vec(),
        faults: vec![
            Fault::Net(Seam::Ingress, 7, NetFault::Status(503)),
            Fault::Net(Seam::Okta, 2, NetFault::Refused),
            Fault::At(
                Duration::from_millis(36_539),
                Incident::Outage(Seam::Ingress, Duration::from_millis(55_340)),
            ),
        ],
    });
}

/// Nothing was sent, since everything seemed too old; so nobody learnt that the key was refused.
#[test]
fn a_key_that_is_refused_while_everything_seems_too_old_is_noticed() {
    let faults = vec![
        Fault::At(
            Duration::ZERO,
            Incident::Outage(Seam::Ingress, Duration::from_secs(30)),
        ),
        Fault::At(Duration::ZERO, Incident::Clock(2 * 24 * 3600)),
        Fault::At(Duration::from_secs(17), Incident::RotateKey),
    ];
    is_well(&plan(Route::Http, fresh([0, 10, 20]), faults));
}

/// Something on the way refused the content of a request and told no time. That was taken for the ingress, and for one without a clock, so
/// that the host's counted alone.
#[test]
fn a_refusal_of_something_on_the_way_is_not_taken_for_an_ingress_without_a_clock() {
    for status in [400, 413, 422] {
        for number in 1..5 {
            let faults = vec![
                Fault::At(Duration::ZERO, Incident::Clock(2 * 24 * 3600)),
                Fault::Net(Seam::Ingress, number, NetFault::Status(status)),
            ];
            is_well(&plan(Route::Http, fresh([0, 0, 1, 4, 40]), faults));
        }
    }
}

/// A lone event was put aside for one refusal of something on the way, and one 413 made all requests small for ever.
#[test]
fn an_answer_of_something_on_the_way_puts_no_event_aside() {
    let answers = [400, 403, 404, 405, 413, 422].map(NetFault::Status);
    for answer in answers.into_iter().chain([NetFault::Html]) {
        for route in [Route::Pull, Route::Http, Route::Sqs] {
            for number in 1..6 {
                let faults = vec![Fault::Net(Seam::Ingress, number, answer)];
                is_well(&plan(route, fresh([0, 0, 0, 1, 4, 40]), faults));
            }
        }
    }
}
