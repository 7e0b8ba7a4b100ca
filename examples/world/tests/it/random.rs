//! Random worlds, from seeds that are the same each time.

use okta_coralogix_world::{report, run_batch, world};

/// As many as CI has time for. More by hand: `CONTRIBUTING.md`.
const WORLDS: u64 = 2_000;

#[test]
fn random_worlds_lose_alter_and_repeat_nothing_without_a_reason() {
    let batch = run_batch(WORLDS, false, world);
    crate::print(&format!(
        "{} worlds, {} processes, {} steps, {} repeats",
        batch.worlds, batch.processes, batch.steps, batch.repeats
    ));
    if let Some(failure) = batch.failures.first() {
        panic!(
            "{} with violations; the first:\n{}\nagain: cargo run --release -p okta-coralogix-world -- --replay {}",
            batch.failures.len(),
            report(&failure.plan),
            failure.number
        );
    }
    assert!(batch.repeats > 0, "no fault has repeated anything");
}
