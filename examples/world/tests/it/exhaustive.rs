//! The small scenario: every step, every fault.

use okta_coralogix_world::exhaustive::{Tried, everything};
use okta_coralogix_world::{Route, report};

#[expect(clippy::print_stdout, reason = "how much was tried is worth knowing")]
fn nothing_is_wrong(route: Route, tried: &Tried) {
    let Tried {
        steps,
        deeds,
        faults,
        many,
    } = tried;
    println!(
        "{route:?}: {steps} steps, {deeds} of them deeds, {faults} single faults, {} worlds",
        many.worlds
    );
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
