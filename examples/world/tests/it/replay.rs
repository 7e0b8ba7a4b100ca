//! A seed replays.

use okta_coralogix_world::{run, world};

#[test]
fn seed_gives_the_same_trace_each_time() {
    let traced = |seed| run(&world(seed), true);
    for seed in 0..60 {
        let first = traced(seed);
        assert_eq!(first, traced(seed), "seed {seed}");
        assert!(first.trace.len() > 20, "seed {seed}");
    }
    assert_ne!(traced(0).trace, traced(1).trace);
}
