//! Programs under a limit of memory (200 MB): large events, and an ingress that is down, take no more than is bounded. A program that
//! passes the limit is aborted.

use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::TimeDelta;
use coralogix_sink::simulator::{CoralogixSimulator, Fault};
use eventbridge_source::sqs::simulator::SqsSimulator;
use okta_coralogix_core::testing::{EventGenerator, GeneratedEvent};
use okta_coralogix_core::{Clock, SystemClock};
use tokio::process::Child;
use tokio::time::interval;

use crate::eventbridge_http::program as http;
use crate::eventbridge_sqs::world as sqs;
use crate::limits::{Limit, Sample, start_limited};
use crate::program::{Ended, World, terminate};

/// Kilobytes of memory of its own that a program may have. `pull` holds 64 MiB of events and one page of 40 MB, and the requests made
/// of them; the endpoint, all that is sent at once.
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

/// The most that the process ever has, in kilobytes, until it ends.
async fn most(process: u32) -> usize {
    let mut often = interval(Duration::from_millis(20));
    let mut most = 0;
    while let Some(sample) = Sample::of(process) {
        most = most.max(sample.most);
        often.tick().await;
    }
    most
}

async fn watched(child: Child) -> (Ended, usize) {
    let process = child.id().unwrap();
    tokio::join!(Ended::of(child), most(process))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_of_160_megabytes_and_no_ingress_fit_the_memory_that_pull_may_have() {
    let world = World::new().await;
    let events = large(EVENTS);
    world.append(events.iter().map(|event| event.json.clone()));
    go_down(&world.ingress);
    let folder = world.folder.path();
    let limit = Limit::Memory(LIMIT);
    let child = start_limited("pull", folder, &world.variables(), &["--once"], limit);
    let up_again = down_for_a_while(&world.ingress);
    let began = Instant::now();
    let ((ended, most), ()) = tokio::join!(watched(child), up_again);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    world.assert_all_once(&events);
    println!(
        "pull, {EVENTS} events of {BYTES} bytes, {:?}: at most {most} KB",
        began.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_megabytes_at_once_and_no_ingress_fit_the_memory_that_the_endpoint_may_have() {
    let world = http::World::new().await;
    let variables = world.variables();
    let folder = world.folder.path();
    let limit = Limit::Memory(LIMIT);
    let child = start_limited("eventbridge_http", folder, &variables, &[], limit);
    let program = http::Listening::of(child).await;
    go_down(&world.ingress);
    let events = large(EVENTS / 3);
    let bodies: Vec<Bytes> = events
        .iter()
        .map(|event| http::envelope(&event.json))
        .collect();
    let destination = program.destination().rate(5000).compress(5.0).build();
    let process = program.child.id().unwrap();
    let began = Instant::now();
    let calls = async {
        let up_again = down_for_a_while(&world.ingress);
        let (report, ()) = tokio::join!(destination.invoke_all(bodies), up_again);
        terminate(&program.child).await;
        (report, program.ended().await)
    };
    let ((report, ended), most) = tokio::join!(calls, most(process));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(
        report.undelivered.len(),
        0,
        "{:?}",
        report.undelivered.first()
    );
    world.assert_all_once(&events);
    println!(
        "eventbridge_http, {} events of {BYTES} bytes, {:?}: at most {most} KB",
        events.len(),
        began.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_of_160_megabytes_and_no_ingress_fit_the_memory_that_the_consumer_may_have() {
    let world = sqs::World::new(SqsSimulator::builder().redrive_after(100).build()).await;
    let events = large(EVENTS);
    for event in &events {
        world.queue.send(sqs::envelope(&event.json));
    }
    go_down(&world.ingress);
    let folder = world.folder.path();
    let limit = Limit::Memory(LIMIT);
    let variables = world.variables();
    let child = start_limited("eventbridge_sqs", folder, &variables, &["--once"], limit);
    let up_again = down_for_a_while(&world.ingress);
    let began = Instant::now();
    let ((ended, most), ()) = tokio::join!(watched(child), up_again);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(world.queue.depth_now().is_empty());
    let ledger = world.ingress.ledger();
    let missing = ledger.missing(events.iter().map(|event| &*event.uuid));
    assert_eq!((missing, ledger.repeats()), (vec![], 0));
    println!(
        "eventbridge_sqs, {EVENTS} events of {BYTES} bytes, {:?}: at most {most} KB",
        began.elapsed()
    );
}
