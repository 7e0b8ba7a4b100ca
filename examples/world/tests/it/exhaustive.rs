//! The small scenario: every fault at every step.

use okta_coralogix_world::exhaustive::{
    Coverage, faults_with_crashes, fifo, scenario, single_faults,
};
use okta_coralogix_world::{Plan, Route, report};

fn passes(scenario: &Plan, coverage: &Coverage) {
    let Coverage {
        steps,
        actions,
        faults,
        batch,
    } = coverage;
    crate::print(&format!(
        "{:?}, {:?}: {steps} steps, {actions} of them actions, {faults} single faults, {} worlds",
        scenario.route, scenario.queue, batch.worlds
    ));
    let failures = &batch.failures;
    if let Some(failure) = failures.first() {
        let report = report(&failure.plan);
        panic!("{} with violations; the first:\n{report}", failures.len());
    }
}

#[test]
fn crash_at_any_step_with_any_fault_loses_no_pulled_event() {
    let scenario = scenario(Route::Pull);
    passes(&scenario, &faults_with_crashes(&scenario));
}

/// Faults together with crashes are for a longer run by hand: `CONTRIBUTING.md`.
#[test]
fn crash_at_any_step_or_any_fault_loses_no_pushed_event() {
    for scenario in [scenario(Route::Http), scenario(Route::Sqs), fifo()] {
        passes(&scenario, &single_faults(&scenario));
    }
}
