use std::time::Instant;

use chrono::TimeDelta;
use okta_coralogix_core::testing::EventGenerator;
use okta_coralogix_core::{Clock, SystemClock};

use super::{Generated, Samples};
use crate::eventbridge_http::harness::{Harness, envelope};
use crate::harness::terminate;

/// Events that are sent side by side, after each of which a sample is taken.
const STEP: usize = 500;

/// A second; more than the programs reach.
const RATE: u32 = 50_000;

const BYTES: usize = 600;

async fn soak(events: usize) {
    let harness = Harness::new().await;
    let mut generator = EventGenerator::new(22).size(BYTES);
    let mut generated = Generated::default();
    let mut samples = Samples::default();
    let began = Instant::now();
    let program = harness.listen(&harness.variables(), &[]).await;
    let process = program.child.id().unwrap();
    let destination = program.destination().rate(RATE).build();
    for _ in (0..events).step_by(STEP) {
        let published = SystemClock.now() - TimeDelta::minutes(1);
        let step: Vec<_> = (0..STEP).map(|_| generator.event(published)).collect();
        for event in &step {
            generated.add(&event.uuid);
        }
        let bodies = step.iter().map(|event| envelope(&event.json));
        let report = destination.invoke_all(bodies).await;
        assert_eq!(report.invoked.len(), STEP, "{:?}", report.undelivered);
        samples.take(process);
    }
    let took = began.elapsed();
    terminate(&program.child).await;
    let ended = program.ended().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    generated.assert_all_once(harness.ingress.ledger().ids());
    samples.assert_flat(&format!("eventbridge_http, {events} events in {took:?}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endpoint_memory_and_handles_stay_flat_over_10_000_requests() {
    soak(10_000).await;
}

#[ignore = "takes minutes, and means little without --release"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endpoint_memory_and_handles_stay_flat_over_200_000_requests() {
    soak(200_000).await;
}
