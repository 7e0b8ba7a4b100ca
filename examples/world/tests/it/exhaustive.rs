//! The small scenario: every step, every fault.

use okta_coralogix_world::exhaustive::{
    Coverage, faults_with_crashes, fifo, scenario, single_faults,
};
use okta_coralogix_world::{Plan, Route, report};

fn nothing_is_wrong(scenario: &Plan, tried: &Coverage) {
    let Coverage {
        steps,
        actions,
        faults,
        batch,
    } = tried;
    let what = format!(
        "{:?}, {:?}: {steps} steps, {actions} of them actions, {faults} single faults, {} worlds",
        scenario.route, scenario.queue, batch.worlds
    );
    crate::say(&what);
    if let Some(found) = batch.found.first() {
        panic!(
            "{} are wrong; the first:\n{}",
            batch.found.len(),
            report(&found.plan)
        );
    }
}

#[test]
fn no_crash_at_any_step_with_any_single_fault_loses_an_event_that_is_pulled() {
    let scenario = scenario(Route::Pull);
    nothing_is_wrong(&scenario, &faults_with_crashes(&scenario));
}

/// Together they are for a longer run by hand: `CONTRIBUTING.md`.
#[test]
fn no_crash_at_any_step_and_no_single_fault_loses_an_event_that_is_pushed() {
    for scenario in [scenario(Route::Http), scenario(Route::Sqs), fifo()] {
        nothing_is_wrong(&scenario, &single_faults(&scenario));
    }
}
