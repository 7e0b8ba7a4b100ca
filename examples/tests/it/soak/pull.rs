use std::time::Instant;

use chrono::TimeDelta;
use okta_coralogix_core::testing::EventGenerator;
use okta_coralogix_core::{Clock, SystemClock};

use super::{Generated, Samples};
use crate::harness::{Exit, Harness, terminate};

/// Events that are in the org's log ahead of what has arrived.
const AHEAD: usize = 10_000;

/// Events that are made at a time, after each of which a sample is taken.
const STEP: usize = 2000;

const BYTES: usize = 600;

/// Events that are spread evenly over `span`, up to now. The denser they are, the more uuids are remembered: up to 200,000.
async fn soak(events: usize, span: TimeDelta) {
    let mut harness = Harness::new().await;
    let mut generator = EventGenerator::new(21).size(BYTES);
    let mut generated = Generated::default();
    let mut samples = Samples::default();
    let began = Instant::now();
    let child = harness.start(&["--poll-interval", "1s"]);
    let process = child.id().unwrap();
    for made in (0..events).step_by(STEP) {
        harness
            .seen
            .wait_for(|seen| seen + AHEAD >= made)
            .await
            .unwrap();
        let share = made as f64 / events as f64;
        let before = span.as_seconds_f64() * (1.0 - share);
        let published = SystemClock.now() - TimeDelta::seconds(before as i64 + 1);
        let step: Vec<_> = (0..STEP).map(|_| generator.event(published)).collect();
        for event in &step {
            generated.add(&event.uuid);
        }
        harness.append(step.into_iter().map(|event| event.json));
        samples.take(process);
    }
    harness.seen.wait_for(|seen| *seen >= events).await.unwrap();
    samples.take(process);
    let took = began.elapsed();
    terminate(&child).await;
    let ended = Exit::of(child).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    // An event may be stored as of a time that the links have passed.
    let counts = ended.summary_with(&["late"]);
    assert_eq!(counts["delivered"], events as u64);
    generated.assert_all_once(harness.ingress.ledger().ids());
    samples.assert_flat(&format!("pull, {events} events in {took:?}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pull_memory_and_handles_stay_flat_over_100_000_events() {
    soak(100_000, TimeDelta::hours(20)).await;
}

#[ignore = "takes minutes and 3 GB, and means little without --release"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pull_memory_and_handles_stay_flat_over_a_million_events() {
    soak(1_000_000, TimeDelta::minutes(1)).await;
}
