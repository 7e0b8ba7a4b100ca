//! A world can be seen again.

use okta_coralogix_world::{run, world};

#[test]
fn the_same_seed_tells_the_same_story_and_another_one_another() {
    let told = |seed| run(&world(seed), true);
    for seed in 0..60 {
        let first = told(seed);
        assert_eq!(first, told(seed), "seed {seed}");
        assert!(first.trace.len() > 20, "seed {seed}");
    }
    assert_ne!(told(0).trace, told(1).trace);
}
