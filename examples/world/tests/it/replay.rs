//! A seed replays.

use okta_coralogix_world::{run, world};

#[test]
fn seed_gives_the_same_trace_each_time() {
    let traced = |seed| run(&world(seed), true);
    for seed in 0..60 {
        let [first, second] = [traced(seed), traced(seed)];
        let mut lines = first.trace.iter().zip(&second.trace);
        let differs = lines.find(|(first, second)| first != second);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(first, second, "seed {seed}");
        assert!(first.trace.len() > 20, "seed {seed}");
    }
    assert_ne!(traced(0).trace, traced(1).trace);
}
