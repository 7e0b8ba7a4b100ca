//! SIGKILL at random moments: the next process resumes from the stored checkpoint.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use coralogix_sink::simulator::Fault;
use okta_coralogix_core::checkpoint::{CheckpointStore, FileCheckpoint};
use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::internal::Claim;
use okta_coralogix_core::testing::GeneratedEvent;
use tokio::time::sleep;

use super::harness::{Exit, Harness};
use super::seeds::seeds;

const EVENTS: usize = 20_000;
const KILLS: usize = 25;

/// Events in flight: 4 deliveries of 1,000.
const MAX_IN_FLIGHT: usize = 4000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_pull_loses_nothing_and_repeats_only_events_in_flight() {
    for seed in seeds(4) {
        killed(seed).await;
    }
}

async fn killed(seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut harness = Harness::new().await;
    let events = harness.backlog(EVENTS);
    harness
        .ingress
        .fail_always(Some(Fault::Slow(Duration::from_millis(20))));
    let mut explained = 0;
    for kill in 0..KILLS {
        let mut child = harness.start(&["--once"]);
        // Each process must reach the ingress, or there would be no progress; the moment of the kill after that is random.
        let target = *harness.seen.borrow() + rng.usize(1..EVENTS / KILLS);
        tokio::select! {
            _ = harness.seen.wait_for(|seen| *seen >= target) => {}
            ended = child.wait() => panic!("the program ended before kill {kill}: {ended:?}"),
        }
        sleep(Duration::from_micros(rng.u64(..40_000))).await;
        child.kill().await.unwrap();
        // The requests of the dead process are accepted now or never.
        harness.ingress_server.stop().await;
        explained += repeatable(&harness, &events).await;
        harness.ingress_server.start().await.unwrap();
    }
    harness.ingress.fail_always(None);
    let ended = Exit::of(harness.start(&["--once"])).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.summary();

    let ledger = harness.ingress.ledger();
    assert_eq!(
        ledger.missing(events.iter().map(|event| &*event.uuid)),
        [""; 0],
        "nothing is lost"
    );
    let repeats = ledger.repeats();
    println!(
        "seed {seed}, {KILLS} kills, {EVENTS} events: 0 lost, {repeats} repeated, {explained} explained by what was in flight"
    );
    assert!(
        repeats <= explained,
        "{repeats} repeated, {explained} explained"
    );
}

/// Checks that every event before the stored cursor is in the ingress, and counts the events in the ingress that are neither before
/// the cursor nor in the deduplication window: the next process may send those again.
pub(crate) async fn repeatable(harness: &Harness, events: &[GeneratedEvent]) -> usize {
    repeatable_from(&harness.checkpoint(), harness, events).await
}

/// As [`repeatable`], with the cursor in this file.
pub(crate) async fn repeatable_from(
    checkpoint: &Path,
    harness: &Harness,
    events: &[GeneratedEvent],
) -> usize {
    let arrived: HashSet<String> = harness.ingress.ledger().ids().map(str::to_owned).collect();
    let store = FileCheckpoint::open(checkpoint).await.unwrap();
    let (position, window) = match store.load().await.unwrap() {
        Some(record) => (
            harness.org.position(&record.value.cursor).unwrap(),
            record.value.dedup,
        ),
        None => Default::default(),
    };
    for event in &events[..position] {
        assert!(
            arrived.contains(&event.uuid),
            "the cursor passed {}, which is not in the ingress",
            event.uuid
        );
    }
    let dedup = DedupWindow::restore(&window, DedupWindow::DEFAULT_CAPACITY);
    let unsettled = events[position..]
        .iter()
        .filter(|event| arrived.contains(&event.uuid));
    let may_repeat = unsettled
        .filter(|event| !matches!(dedup.claim(&event.uuid), Claim::Duplicate))
        .count();
    assert!(may_repeat <= MAX_IN_FLIGHT, "{may_repeat}");
    may_repeat
}
