//! Random worlds, from seeds that are the same each time.

use okta_coralogix_world::{report, run_batch, world};

/// What CI has time for. More by hand: `CONTRIBUTING.md`.
const WORLDS: u64 = 2_000;

#[test]
fn in_2000_random_worlds_nothing_is_lost_altered_or_repeated_without_a_reason() {
    let all = run_batch(WORLDS, false, world);
    let what = format!(
        "{} worlds, {} processes, {} steps, {} repeats",
        all.worlds, all.processes, all.steps, all.repeats
    );
    crate::say(&what);
    if let Some(found) = all.found.first() {
        let seed = found.number;
        panic!(
            "{} are wrong; the first:\n{}\nagain: cargo run --release -p okta-coralogix-world -- --replay {seed}",
            all.found.len(),
            report(&found.plan)
        );
    }
    assert!(all.repeats > 0, "faults that repeat nothing are none");
}
