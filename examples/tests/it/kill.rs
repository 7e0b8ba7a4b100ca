//! SIGKILL at random moments, and again from what the disk holds.

use std::collections::HashSet;
use std::time::Duration;

use coralogix_sink::simulator::Fault;
use okta_coralogix_core::checkpoint::{CheckpointStore, FileCheckpoint};
use okta_coralogix_core::filter::{Claim, DedupWindow};
use okta_coralogix_core::testing::GeneratedEvent;
use tokio::time::sleep;

use super::program::{Ended, World};
use super::rounds::seeds;

const EVENTS: usize = 20_000;
const KILLS: usize = 25;

/// The most that may be in flight: 4 deliveries of 1,000.
const IN_FLIGHT: usize = 4000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_five_kills_lose_nothing_and_repeat_only_what_was_in_flight() {
    for seed in seeds(4) {
        killed(seed).await;
    }
}

async fn killed(seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut world = World::new().await;
    let events = world.backlog(EVENTS);
    world
        .ingress
        .fail_always(Some(Fault::Slow(Duration::from_millis(20))));
    let mut explained = 0;
    for kill in 0..KILLS {
        let mut child = world.start(&["--once"]);
        // A life must reach the ingress, or there would be no progress; where in it the kill falls is left to chance.
        let target = *world.seen.borrow() + rng.usize(1..EVENTS / KILLS);
        tokio::select! {
            _ = world.seen.wait_for(|seen| *seen >= target) => {}
            ended = child.wait() => panic!("the program ended before kill {kill}: {ended:?}"),
        }
        sleep(Duration::from_micros(rng.u64(..40_000))).await;
        child.kill().await.unwrap();
        // What the dead process had sent is either taken now or never.
        world.ingress_server.stop().await;
        explained += repeatable(&world, &events).await;
        world.ingress_server.start().await.unwrap();
    }
    world.ingress.fail_always(None);
    let ended = Ended::of(world.start(&["--once"])).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.summary();

    let ledger = world.ingress.ledger();
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

/// Checks that everything before the stored cursor is in the ingress, and counts what is there and neither before the cursor
/// nor in the window: what the next life may send again.
pub(crate) async fn repeatable(world: &World, events: &[GeneratedEvent]) -> usize {
    let arrived: HashSet<String> = world.ingress.ledger().ids().map(str::to_owned).collect();
    let store = FileCheckpoint::open(world.checkpoint()).await.unwrap();
    let (position, window) = match store.load().await.unwrap() {
        Some(record) => (
            world.org.position(&record.value.cursor).unwrap(),
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
    let dedup = DedupWindow::restore(window, DedupWindow::DEFAULT_CAPACITY);
    let unsettled = events[position..]
        .iter()
        .filter(|event| arrived.contains(&event.uuid));
    let may_repeat = unsettled
        .filter(|event| !matches!(dedup.claim(&event.uuid), Claim::Duplicate))
        .count();
    assert!(may_repeat <= IN_FLIGHT, "{may_repeat}");
    may_repeat
}
