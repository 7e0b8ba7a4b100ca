//! What fails requests by their content, by their size or by chance.

use std::time::Duration;

use okta_coralogix_world::exhaustive::{blocked, crashes, fifo, obstacles, scenario};
use okta_coralogix_world::{
    Arrival, EventKind, FailureMode, Fault, Incident, Obstacle, Plan, Route, Trigger, report, run,
};

fn passes(plan: &Plan) -> usize {
    let outcome = run(plan, false);
    assert!(outcome.violations.is_empty(), "{}", report(plan));
    outcome.blocked
}

#[test]
fn forbidden_event_is_dead_lettered_and_the_others_arrive_on_every_route() {
    for route in [Route::Pull, Route::Http, Route::Sqs] {
        for obstacle in obstacles() {
            let blocked = passes(&blocked(route, obstacle));
            let expected = usize::from(obstacle.trigger == Trigger::Word);
            assert_eq!(blocked, expected, "{route:?} {obstacle:?}");
        }
    }
}

#[test]
fn crash_at_any_action_loses_no_event_while_one_is_isolated() {
    let page = Obstacle {
        trigger: Trigger::Word,
        failure: FailureMode::ALL[0],
    };
    let coverage = crashes(&[blocked(Route::Pull, page)]);
    if let Some(failure) = coverage.batch.failures.first() {
        panic!("{}", report(&failure.plan));
    }
    assert!(coverage.batch.worlds > 200 && coverage.batch.blocked > 100);
}

/// Five events on three pages, two of them side by side.
#[test]
fn several_forbidden_events_are_each_dead_lettered() {
    for failure in FailureMode::ALL {
        let obstacle = Obstacle {
            trigger: Trigger::Word,
            failure,
        };
        let mut plan = blocked(Route::Pull, obstacle);
        for place in [3, 6, 7, 11] {
            plan.arrivals[place].kind = EventKind::Forbidden;
        }
        assert_eq!(passes(&plan), 5, "{failure:?}");
    }
}

#[test]
fn flapping_backend_puts_no_event_aside_on_any_route() {
    let hour = Duration::from_secs(3_600);
    for scenario in [scenario(Route::Pull), scenario(Route::Http), fifo()] {
        for percent in [20, 50] {
            for failure in [
                FailureMode::ALL[0],
                FailureMode::ALL[5],
                FailureMode::ResetAfter,
            ] {
                let obstacle = Obstacle {
                    trigger: Trigger::Chance(percent),
                    failure,
                };
                let mut plan = scenario.clone();
                plan.arrivals = spread(60);
                let flaps = Incident::Obstacle(obstacle, hour);
                plan.faults = vec![Fault::At(Duration::ZERO, flaps)];
                assert_eq!(passes(&plan), 0, "{obstacle:?}");
            }
        }
    }
}

/// So many events in an hour.
fn spread(count: u64) -> Vec<Arrival> {
    let places = 0..count;
    places
        .map(|place| Arrival {
            at: Duration::from_secs(place * 3_600 / count),
            kind: EventKind::Fresh,
        })
        .collect()
}

#[test]
fn ingress_that_is_slow_for_each_entry_gets_every_event() {
    for route in [Route::Pull, Route::Http, Route::Sqs] {
        for millis in [500, 4_000, 9_000, 14_000] {
            let obstacle = Obstacle {
                trigger: Trigger::Chance(100),
                failure: FailureMode::Slow(Duration::from_millis(millis)),
            };
            let mut plan = scenario(route);
            plan.settings.max_entries = 6;
            plan.settings.page_size = 6;
            plan.events_per_body = 3;
            let slow = Incident::Obstacle(obstacle, Duration::from_secs(1_800));
            plan.faults = vec![Fault::At(Duration::ZERO, slow)];
            assert_eq!(passes(&plan), 0, "{route:?} {millis} ms");
        }
    }
}
