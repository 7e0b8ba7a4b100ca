//! The small scenario: every step, every fault.

use okta_coralogix_world::exhaustive::{Tried, everything, fifo, one_by_one, scenario};
use okta_coralogix_world::{Plan, Route, report};

fn nothing_is_wrong(scenario: &Plan, tried: &Tried) {
    let Tried {
        steps,
        deeds,
        faults,
        many,
    } = tried;
    let what = format!(
        "{:?}, {:?}: {steps} steps, {deeds} of them deeds, {faults} single faults, {} worlds",
        scenario.route, scenario.queue, many.worlds
    );
    crate::say(&what);
    if let Some(found) = many.found.first() {
        panic!(
            "{} are wrong; the first:\n{}",
            many.found.len(),
            report(&found.plan)
        );
    }
}

#[test]
fn no_crash_at_any_step_with_any_single_fault_loses_an_event_that_is_pulled() {
    let scenario = scenario(Route::Pull);
    nothing_is_wrong(&scenario, &everything(&scenario));
}

/// Together they are for a longer run by hand: `CONTRIBUTING.md`.
#[test]
fn no_crash_at_any_step_and_no_single_fault_loses_an_event_that_is_pushed() {
    for scenario in [scenario(Route::Http), scenario(Route::Sqs), fifo()] {
        nothing_is_wrong(&scenario, &one_by_one(&scenario));
    }
}
