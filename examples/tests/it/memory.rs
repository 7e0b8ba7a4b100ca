//! Programs under a memory limit of 200 MB, with large events and an ingress that is down. The system aborts a program that exceeds it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::TimeDelta;
use coralogix_sink::simulator::{CoralogixSimulator, Fault};
use eventbridge_source::sqs::simulator::SqsSimulator;
use okta_coralogix_core::testing::{EventGenerator, GeneratedEvent};
use okta_coralogix_core::{Clock, SystemClock};
use tokio::process::Child;
use tokio::time::interval;

use crate::eventbridge_http::harness as http;
use crate::eventbridge_sqs::harness as sqs;
use crate::harness::{Exit, Harness, terminate};
use crate::limits::{Limit, Sample, start_limited};

/// The limit in kilobytes. `pull` holds 64 MiB of events, one page of 40 MB, and the requests made of them; the endpoint holds all
/// events that are sent at once.
const LIMIT: usize = 200 << 10;

/// More than the limit, for `pull`.
const EVENTS: usize = 4000;
const BYTES: usize = 40_000;

/// How long the ingress is down.
const DOWN: Duration = Duration::from_secs(3);

fn large(count: usize) -> Vec<GeneratedEvent> {
    let mut generator = EventGenerator::new(12).size(BYTES);
    let start = SystemClock.now() - TimeDelta::minutes(50);
    let event = |n| generator.event(start + TimeDelta::milliseconds(n));
    (0..).map(event).take(count).collect()
}

fn go_down(ingress: &CoralogixSimulator) {
    ingress.fail_always(Some(Fault::status(503)));
}

/// The ingress comes back after a time in which the program would have filled its memory.
async fn down_for_a_while(ingress: &CoralogixSimulator) {
    tokio::time::sleep(DOWN).await;
    ingress.fail_always(None);
}

/// The peak memory of the process until it ends, in kilobytes.
async fn peak(process: u32) -> usize {
    let mut often = interval(Duration::from_millis(20));
    let mut peak = 0;
    while let Some(sample) = Sample::of(process) {
        peak = peak.max(sample.peak);
        often.tick().await;
    }
    peak
}

async fn watched(child: Child) -> (Exit, usize) {
    let process = child.id().unwrap();
    tokio::join!(Exit::of(child), peak(process))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pull_memory_is_bounded_with_a_large_backlog_and_no_ingress() {
    let harness = Harness::new().await;
    let events = large(EVENTS);
    harness.append(events.iter().map(|event| event.json.clone()));
    go_down(&harness.ingress);
    let folder = harness.folder.path();
    let limit = Limit::Memory(LIMIT);
    let child = start_limited("pull", folder, &harness.variables(), &["--once"], limit);
    let up_again = down_for_a_while(&harness.ingress);
    let began = Instant::now();
    let ((ended, peak), ()) = tokio::join!(watched(child), up_again);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    harness.assert_all_once(&events);
    println!(
        "pull, {EVENTS} events of {BYTES} bytes, {:?}: at most {peak} KB",
        began.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endpoint_memory_is_bounded_with_large_events_and_no_ingress() {
    let harness = http::Harness::new().await;
    let variables = harness.variables();
    let folder = harness.folder.path();
    let limit = Limit::Memory(LIMIT);
    let child = start_limited("eventbridge_http", folder, &variables, &[], limit);
    let program = http::Endpoint::of(child).await;
    go_down(&harness.ingress);
    let events = large(EVENTS / 3);
    let bodies: Vec<Bytes> = events
        .iter()
        .map(|event| http::envelope(&event.json))
        .collect();
    let destination = program.destination().rate(5000).compress(5.0).build();
    let process = program.child.id().unwrap();
    let began = Instant::now();
    let calls = async {
        let up_again = down_for_a_while(&harness.ingress);
        let (report, ()) = tokio::join!(destination.invoke_all(bodies), up_again);
        terminate(&program.child).await;
        (report, program.ended().await)
    };
    let ((report, ended), peak) = tokio::join!(calls, peak(process));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(
        report.undelivered.len(),
        0,
        "{:?}",
        report.undelivered.first()
    );
    harness.assert_all_once(&events);
    println!(
        "eventbridge_http, {} events of {BYTES} bytes, {:?}: at most {peak} KB",
        events.len(),
        began.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consumer_memory_is_bounded_with_a_large_queue_and_no_ingress() {
    let harness = sqs::Harness::new(SqsSimulator::builder().max_receive_count(100).build()).await;
    let events = large(EVENTS);
    for event in &events {
        harness.queue.send(sqs::envelope(&event.json));
    }
    go_down(&harness.ingress);
    let folder = harness.folder.path();
    let limit = Limit::Memory(LIMIT);
    let variables = harness.variables();
    let child = start_limited("eventbridge_sqs", folder, &variables, &["--once"], limit);
    let up_again = down_for_a_while(&harness.ingress);
    let began = Instant::now();
    let ((ended, peak), ()) = tokio::join!(watched(child), up_again);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(harness.queue.depth_now().is_empty());
    let ledger = harness.ingress.ledger();
    let missing = ledger.missing(events.iter().map(|event| &*event.uuid));
    assert_eq!((missing, ledger.repeats()), (vec![], 0));
    println!(
        "eventbridge_sqs, {EVENTS} events of {BYTES} bytes, {:?}: at most {peak} KB",
        began.elapsed()
    );
}
