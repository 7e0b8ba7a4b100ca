//! The small scenario: every step, every fault.

use okta_coralogix_world::exhaustive::{Tried, everything, one_by_one};
use okta_coralogix_world::{Route, report};

fn nothing_is_wrong(route: Route, tried: &Tried) {
    let Tried {
        steps,
        deeds,
        faults,
        many,
    } = tried;
    let what = format!(
        "{route:?}: {steps} steps, {deeds} of them deeds, {faults} single faults, {} worlds",
        many.worlds
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
    nothing_is_wrong(Route::Pull, &everything(Route::Pull));
}

/// Together they are for a longer run by hand: `CONTRIBUTING.md`.
#[test]
fn no_crash_at_any_step_and_no_single_fault_loses_an_event_that_is_pushed() {
    for route in [Route::Http, Route::Sqs] {
        nothing_is_wrong(route, &one_by_one(route));
    }
}
