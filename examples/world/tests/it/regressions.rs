//! Worlds that have found a fault of the programs.

use std::time::Duration;

use okta_coralogix_world::{
    Arrival, EventKind, FailureMode, Fault, GatewayAnswer, GatewayBody, GatewayHeader, Incident,
    NetFault, Obstacle, Plan, QueueKind, Route, Seam, Settings, Trigger, plain_world, report, run,
    world,
};

fn passes(plan: &Plan) {
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

/// A world with one program and the default settings.
fn plan(route: Route, arrivals: Vec<Arrival>, faults: Vec<Fault>) -> Plan {
    Plan {
        seed: 1,
        route,
        queue: QueueKind::default(),
        programs: 1,
        events_per_body: 1,
        settings: Settings::default(),
        max_latency: Duration::from_millis(50),
        arrivals,
        faults,
    }
}

/// An event's age was judged by the host's new time, and the offset of Coralogix's clock from before.
#[test]
fn host_clock_step_between_two_responses_drops_no_pushed_event() {
    for route in [Route::Http, Route::Sqs] {
        for second in 1..30 {
            passes(&Plan {
                seed: 1,
                route,
                queue: QueueKind::default(),
                programs: 1,
                events_per_body: 1,
                settings: Settings {
                    page_size: 1,
                    max_in_flight_deliveries: 1,
                    ..Settings::default()
                },
                max_latency: Duration::from_millis(1_000),
                arrivals: fresh([0, 0, 0, 0, 0, 40]),
                faults: vec![Fault::At(
                    Duration::from_secs(second),
                    Incident::Clock(2 * 24 * 3600),
                )],
            });
        }
    }
}

/// The first call of the queue had no timeout, so that the program never started.
#[test]
fn queue_that_never_answers_its_first_call_is_asked_again() {
    let stalled = Fault::Net(Seam::Queue, 1, NetFault::Stalled);
    passes(&plan(Route::Sqs, fresh([0]), vec![stalled]));
}

/// After a refusal the entries of a request were tried alone, without a new check of their age.
#[test]
fn event_that_expires_before_it_is_tried_alone_is_not_sent() {
    for seconds in 1..20 {
        let event = |kind| Arrival {
            at: Duration::ZERO,
            kind,
        };
        passes(&Plan {
            seed: 1,
            route: Route::Pull,
            queue: QueueKind::default(),
            programs: 1,
            events_per_body: 1,
            settings: Settings {
                max_entries: 3,
                ..Settings::default()
            },
            max_latency: Duration::from_millis(2_500),
            arrivals: vec![event(EventKind::Ageing(seconds)), event(EventKind::Poison)],
            faults: Vec::new(),
        });
    }
}

/// Before the first response of the ingress only the host's clock says what is too old, and that may be wrong.
#[test]
fn host_clock_ahead_before_the_first_response_drops_no_pushed_event() {
    // By two days, and by so much that events seem to expire while they wait.
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
        passes(&plan(Route::Http, arrivals, faults));
    }
}

/// A request waited for the response of another one, and the age of its events was checked before that.
#[test]
fn event_that_expires_while_its_request_waits_for_another_is_not_sent() {
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
    passes(&Plan {
        seed: 10_843_940_050_807_586_559,
        route: Route::Pull,
        queue: QueueKind::default(),
        programs: 1,
        events_per_body: 1,
        settings: Settings {
            page_size: 4,
            max_in_flight_deliveries: 3,
            max_in_flight_requests: 3,
            max_entries: 3,
            gzip: false,
            filter: false,
            drain_timeout: Duration::from_secs(2),
        },
        max_latency: Duration::from_millis(2_500),
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

/// Every event seemed too old, so that nothing was sent, and no response told that the key was refused.
#[test]
fn refused_key_is_reported_while_every_event_seems_too_old() {
    let faults = vec![
        Fault::At(
            Duration::ZERO,
            Incident::Outage(Seam::Ingress, Duration::from_secs(30)),
        ),
        Fault::At(Duration::ZERO, Incident::Clock(2 * 24 * 3600)),
        Fault::At(Duration::from_secs(17), Incident::RotateKey),
    ];
    passes(&plan(Route::Http, fresh([0, 10, 20]), faults));
}

/// A proxy refused the content of a request without a `Date`. That was taken for a response of the ingress, and for an ingress without a
/// clock, so that only the host's clock counted.
#[test]
fn proxy_refusal_without_a_date_does_not_end_the_wait_for_the_ingress_clock() {
    for status in [400, 413, 422] {
        for number in 1..5 {
            let faults = vec![
                Fault::At(Duration::ZERO, Incident::Clock(2 * 24 * 3600)),
                Fault::Net(Seam::Ingress, number, NetFault::Status(status)),
            ];
            passes(&plan(Route::Http, fresh([0, 0, 1, 4, 40]), faults));
        }
    }
}

/// One refusal by a proxy dead-lettered a lone event, and one 413 by a proxy made all later requests small.
#[test]
fn proxy_response_dead_letters_no_event() {
    let answers = [400, 403, 404, 405, 413, 422].map(NetFault::Status);
    for answer in answers
        .into_iter()
        .chain([NetFault::Gateway(GatewayAnswer::SIGN_IN_PAGE)])
    {
        for route in [Route::Pull, Route::Http, Route::Sqs] {
            for number in 1..6 {
                let faults = vec![Fault::Net(Seam::Ingress, number, answer)];
                passes(&plan(route, fresh([0, 0, 0, 1, 4, 40]), faults));
            }
        }
    }
}

/// A web page with status 200 set the clock of the ingress by its `Date`, so that fresh events became too old.
#[test]
fn gateway_page_does_not_set_the_clock_of_the_ingress() {
    let two_days = 2 * 24 * 3600;
    let pages = [
        GatewayAnswer::SIGN_IN_PAGE,
        GatewayAnswer::new(400, GatewayBody::Xhtml),
        GatewayAnswer::new(203, GatewayBody::Empty),
    ];
    for page in pages.map(|page| page.with(GatewayHeader::Date(two_days))) {
        for seconds in [1, 20, 200] {
            let time = Duration::from_secs(seconds);
            let faults = vec![
                Fault::At(Duration::ZERO, Incident::Clock(two_days)),
                Fault::At(Duration::ZERO, Incident::Gateway(Seam::Ingress, page, time)),
            ];
            passes(&plan(Route::Http, fresh([0, 0, 1, 4, 40, 300]), faults));
        }
    }
}

/// A refusal while every event seemed too old was remembered for ever: after its rest the run ended without asking again.
#[test]
fn refused_key_is_asked_for_again_after_its_rest() {
    for seconds in (5..120).step_by(5) {
        let time = Duration::from_secs(seconds);
        let faults = vec![
            Fault::At(Duration::ZERO, Incident::Clock(2 * 24 * 3600)),
            Fault::At(
                Duration::ZERO,
                Incident::Gateway(
                    Seam::Ingress,
                    GatewayAnswer::SIGN_IN_PAGE,
                    Duration::from_secs(2),
                ),
            ),
            Fault::At(
                Duration::from_secs(2),
                Incident::Refusal(Seam::Ingress, 403, time),
            ),
        ];
        passes(&plan(Route::Http, fresh([3, 10, 20]), faults));
    }
}

/// Each of several requests in flight tried a changed key, although one of them had seen it refused.
#[test]
fn changed_key_that_is_refused_too_rests() {
    for seed in 0..40 {
        let at = Duration::from_secs(20);
        let faults = vec![
            Fault::At(at, Incident::Refusal(Seam::Ingress, 401, at)),
            Fault::At(at, Incident::RotateKey),
            Fault::At(at, Incident::WriteCredentials),
        ];
        passes(&Plan {
            seed,
            settings: Settings {
                max_in_flight_requests: 4,
                max_in_flight_deliveries: 4,
                max_entries: 1,
                page_size: 1,
                ..Settings::default()
            },
            max_latency: Duration::from_millis(400),
            ..plan(Route::Pull, fresh([0, 21, 21, 21, 21, 21, 21]), faults)
        });
    }
}

/// While something answers in Okta's place from the start, the program ends after five minutes and not before; once Okta has answered, never.
#[test]
fn gateway_that_lasts_ends_only_a_run_to_which_nothing_was_accepted() {
    let long = Duration::from_secs(700);
    for seam in [Seam::Okta, Seam::Ingress] {
        for (start, processes) in [(0, 3), (10, 1)] {
            let page = GatewayAnswer::new(403, GatewayBody::Html);
            let gateway = Incident::Gateway(seam, page, long);
            let faults = vec![Fault::At(Duration::from_secs(start), gateway)];
            let plan = plan(Route::Pull, fresh([0, 20, 20]), faults);
            passes(&plan);
            assert_eq!(
                run(&plan, false).processes,
                processes,
                "{seam:?} from {start} s"
            );
        }
    }
}

/// An entry that failed alone became too old while it waited for its turn, and was sent. The others of these worlds: a changed key was
/// tried with events that had become too old; an entry that failed alone was repeated without bound, and while the key rested; and the
/// first acceptance after odd successes made the next rest an hour.
#[test]
fn random_worlds_that_have_found_a_fault() {
    for seed in [19_165, 56_210, 10_938, 17_437, 404_511] {
        passes(&plain_world(seed));
    }
}

/// A part of a message group that was settled apart from its delivery was deleted before what is ahead of it.
#[test]
fn several_refused_messages_of_a_group_are_deleted_in_their_order() {
    for seed in [637, 862] {
        passes(&world(seed));
    }
}

/// A 403 that was answered before another request was accepted, and judged after it, began the minute of rest.
#[test]
fn refusal_before_an_acceptance_does_not_end_the_run() {
    passes(&world(1_008_224));
}

/// Something on the way refused every request with the event, and only the checks told that the key was refused too: the program waited for
/// ever.
#[test]
fn refused_key_behind_a_filter_is_reported() {
    for failure in FailureMode::ALL {
        let obstacle = Obstacle {
            trigger: Trigger::Word,
            failure,
        };
        let arrivals = vec![Arrival {
            at: Duration::from_secs(15),
            kind: EventKind::Forbidden,
        }];
        let long = Duration::from_secs(4 * 3600);
        let faults = vec![
            Fault::At(Duration::ZERO, Incident::Obstacle(obstacle, long)),
            Fault::At(Duration::from_secs(10), Incident::RotateKey),
        ];
        let plan = plan(Route::Pull, arrivals, faults);
        passes(&plan);
        let outcome = run(&plan, false);
        assert_eq!((outcome.processes, outcome.blocked), (2, 1), "{failure:?}");
    }
}
