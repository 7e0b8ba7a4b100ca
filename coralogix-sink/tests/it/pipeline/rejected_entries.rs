//! Entries that make the ingress refuse their request.

use std::collections::HashSet;

use okta_coralogix_core::dead_letter::DeadLetterReason;
use okta_coralogix_core::testing::GeneratedEvent;
use proptest::prelude::*;

use super::harness::{Harness, events, run};

/// Runs 10,000 events with poison at these places; returns how many requests that took.
async fn requests(events: &[GeneratedEvent], places: &HashSet<usize>) -> usize {
    let harness = Harness::new(events.to_vec(), 1_000);
    let poison: HashSet<_> = places
        .iter()
        .map(|n| harness.events[*n].uuid.clone())
        .collect();
    let bad = poison.clone();
    let is_bad = move |text: &str| bad.iter().any(|uuid| text.contains(uuid.as_str()));
    harness.ingress.poison(is_bad);
    let summary = run(harness.pipeline()).await.unwrap();
    let k = places.len() as u64;
    assert_eq!((summary.delivered, summary.dead_lettered), (10_000 - k, k));

    let ledger = harness.ingress.ledger();
    let mut missing: Vec<_> = ledger.missing(harness.ids());
    missing.sort_unstable();
    let mut guilty: Vec<_> = poison.iter().map(String::as_str).collect();
    guilty.sort_unstable();
    assert_eq!(missing, guilty, "all but the guilty ones arrived");
    assert_eq!(ledger.repeats(), 0);
    for letter in harness.letters() {
        assert_eq!(letter.reason, DeadLetterReason::Rejected);
        assert!(letter.detail.contains("poison"), "{}", letter.detail);
        let text = String::from_utf8(letter.bytes.to_vec()).unwrap();
        assert!(poison.iter().any(|uuid| text.contains(uuid.as_str())));
    }
    ledger.requests().len()
}

/// Seven places out of 10,000, by a linear congruence.
fn places(seed: u64) -> HashSet<usize> {
    let mut state = seed;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % 10_000
    };
    let mut places = HashSet::new();
    while places.len() < 7 {
        places.insert(next());
    }
    places
}

#[tokio::test(start_paused = true)]
async fn poison_entries_in_ten_thousand_are_isolated_in_few_requests() {
    let bound = (2.0 * 7.0 * 10_000_f64.log2()) as usize;
    let events = events(10_000);
    let clean = requests(&events, &HashSet::new()).await;
    for seed in [1, 2] {
        let extra = requests(&events, &places(seed)).await - clean;
        println!(
            "seed {seed}: 7 poison entries in 10,000 took {extra} extra requests (bound {bound})"
        );
        assert!(extra <= bound, "{extra}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn poison_entries_in_a_minority_are_isolated(bad in proptest::collection::hash_set(0..200_usize, 0..20)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            // A probe in which every entry is rejected fails the endpoint: the probed places stay clean.
            let harness = Harness::new(events(200), 200);
            let bad: HashSet<_> = bad.into_iter().filter(|n| *n > 0).collect();
            let poison: Vec<_> = bad.iter().map(|n| harness.events[*n].uuid.clone()).collect();
            harness.ingress.poison(move |text| poison.iter().any(|uuid| text.contains(uuid.as_str())));
            let summary = harness.run().await;
            assert_eq!(summary.dead_lettered as usize, bad.len());
            let ledger = harness.ingress.ledger();
            assert_eq!((ledger.entries().len(), ledger.repeats()), (200 - bad.len(), 0));
        });
    }
}
