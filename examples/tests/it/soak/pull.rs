use std::time::Instant;

use chrono::TimeDelta;
use okta_coralogix_core::testing::EventGenerator;
use okta_coralogix_core::{Clock, SystemClock};

use super::{Account, Samples};
use crate::program::{Ended, World, terminate};

/// Events that are in the org's log ahead of what has arrived.
const AHEAD: usize = 10_000;

/// Events that are made at a time, after each of which a sample is taken.
const STEP: usize = 2000;

const BYTES: usize = 600;

/// Events that are spread evenly over `span`, up to now. The denser they are, the more uuids are remembered: up to 200,000.
async fn soak(events: usize, span: TimeDelta) {
    let mut world = World::new().await;
    let mut generator = EventGenerator::new(21).size(BYTES);
    let mut account = Account::default();
    let mut samples = Samples::default();
    let began = Instant::now();
    let child = world.start(&["--poll-interval", "1s"]);
    let process = child.id().unwrap();
    for made in (0..events).step_by(STEP) {
        world
            .seen
            .wait_for(|seen| seen + AHEAD >= made)
            .await
            .unwrap();
        let share = made as f64 / events as f64;
        let before = span.as_seconds_f64() * (1.0 - share);
        let published = SystemClock.now() - TimeDelta::seconds(before as i64 + 1);
        let step: Vec<_> = (0..STEP).map(|_| generator.event(published)).collect();
        for event in &step {
            account.make(&event.uuid);
        }
        world.append(step.into_iter().map(|event| event.json));
        samples.take(process);
    }
    world.seen.wait_for(|seen| *seen >= events).await.unwrap();
    samples.take(process);
    let took = began.elapsed();
    terminate(&child).await;
    let ended = Ended::of(child).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.summary()["delivered"], events as u64);
    account.assert_all_once(world.ingress.ledger().ids());
    samples.assert_flat(&format!("pull, {events} events in {took:?}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_events_leave_the_memory_and_handles_of_pull_as_they_were() {
    soak(100_000, TimeDelta::hours(20)).await;
}

#[ignore = "takes minutes and 3 GB, and means little without --release"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_million_events_leave_the_memory_and_handles_of_pull_as_they_were() {
    soak(1_000_000, TimeDelta::minutes(1)).await;
}
