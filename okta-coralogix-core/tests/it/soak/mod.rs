//! Very many events between a source and a sink that keep none of them: the process takes no more resources after the first quarter.
//!
//! The long run is asked for by name (CONTRIBUTING.md). The short one is the same in a process of its own, so that no other test
//! counts.

mod endpoints;
mod resources;

use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use okta_coralogix_core::testing::TestClock;
use okta_coralogix_core::{AckOrder, Pipeline};

use self::endpoints::{Counted, CountingLetters, CountingSink, PageSource, now};
use self::resources::Samples;

/// Set by the short run for its process.
const EVENTS: &str = "SOAK_EVENTS";
const MANY: usize = 10_000_000;
const SOME: usize = 200_000;

#[ignore = "takes minutes, and means little without --release"]
#[tokio::test(start_paused = true)]
async fn ten_million_events_over_memory_ends_leave_memory_and_handles_as_they_were() {
    let events = match std::env::var(EVENTS) {
        Ok(events) => events.parse().expect("a number of events"),
        Err(_) => MANY,
    };
    let samples = Samples::default();
    let source = PageSource::new(AckOrder::Cumulative, events, samples.clone());
    let sink = CountingSink::default();
    let letters = CountingLetters::default();
    let (given, arrived) = (source.given(), sink.arrived());
    let began = Instant::now();
    let pipeline = Pipeline::builder(source, sink)
        .clock(Arc::new(TestClock::starting_at(now())))
        .dead_letters(letters.clone())
        .seed(9);
    let run = pipeline
        .build()
        .expect("good settings")
        .run(std::future::pending());
    let summary = run.await.expect("nothing ends it");
    let took = began.elapsed();

    let given = given.lock().expect("nobody panicked");
    let arrived = arrived.lock().expect("nobody panicked");
    assert_eq!(summary.received, events as u64);
    assert_eq!(summary.delivered, given.fresh.count);
    assert_eq!(summary.too_old, given.old);
    assert_eq!(summary.dead_lettered, given.malformed);
    assert_eq!(letters.count(), given.malformed);
    assert_eq!((given.settled, summary.handed_back), (events as u64, 0));
    // What was taken and not answered came again, and nothing else did.
    assert_eq!(arrived.entries.without(arrived.unanswered), given.fresh);
    assert_ne!(arrived.unanswered, Counted::default());
    assert!(arrived.refused > 0);
    println!(
        "{events} events in {took:?}, {} a second: {summary:?}",
        (events as f64 / took.as_secs_f64()) as u64
    );
    samples.assert_flat();
}

#[test]
fn two_hundred_thousand_events_over_memory_ends_leave_memory_and_handles_as_they_were() {
    let long = "ten_million_events_over_memory_ends_leave_memory_and_handles_as_they_were";
    let binary = std::env::current_exe().expect("a test has a file");
    let ended = Command::new(binary)
        .args([
            "--exact",
            &format!("soak::{long}"),
            "--ignored",
            "--nocapture",
        ])
        .env(EVENTS, SOME.to_string())
        .output()
        .expect("it starts as this one did");
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(
        ended.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    assert!(said.contains("1 passed"), "{said}");
    print!("{said}");
}
