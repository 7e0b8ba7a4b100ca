//! Events of more than 24 hours: what becomes of them, and what is said of it.

use chrono::TimeDelta;
use eventbridge_source::sqs::simulator::SqsSimulator;
use okta_coralogix_core::testing::{EventGenerator, GeneratedEvent};
use okta_coralogix_core::{Clock, SystemClock};

use crate::eventbridge_sqs::harness::{Harness as SqsHarness, envelope};
use crate::harness::{Exit, Harness};

fn old(count: usize) -> Vec<GeneratedEvent> {
    let mut generator = EventGenerator::new(31);
    let published = SystemClock.now() - TimeDelta::hours(30);
    (0..count).map(|_| generator.event(published)).collect()
}

#[tokio::test]
async fn too_old_events_are_dropped_kept_or_restamped_as_was_said() {
    for (flags, outcome, line) in [
        (&[][..], "too_old", "events were too old, and were dropped"),
        (&["--too-old", "drop"], "too_old", "events are too old"),
        (
            &["--too-old", "dead-letter"],
            "dead_lettered",
            "an event was dead-lettered",
        ),
        (
            &["--too-old", "restamp"],
            "delivered",
            "sent with the time of their arrival",
        ),
    ] {
        let harness = Harness::new().await;
        harness.append(old(5).into_iter().map(|event| event.json));
        let flags = [&["--once", "--since", "48h"], flags].concat();
        let ended = harness.run(&flags).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(ended.summary()[outcome], 5, "{flags:?}: {ended:?}");
        assert!(ended.stderr.contains(line), "{flags:?}: {}", ended.stderr);
    }
}

#[tokio::test]
async fn start_beyond_24_hours_says_before_it_what_happens_to_older_events() {
    let harness = Harness::new().await;
    harness.append(old(1).into_iter().map(|event| event.json));
    let ended = harness.run(&["--once", "--since", "48h"]).await;
    let log = &ended.stderr;
    let said = log
        .find("reading begins at")
        .unwrap_or_else(|| panic!("{log}"));
    let dropped = log
        .find("events are too old")
        .unwrap_or_else(|| panic!("{log}"));
    assert!(said < dropped, "{log}");
    for word in [
        "WARN",
        "--too-old dead-letter",
        "dead-letters.ndjson",
        "--too-old restamp",
    ] {
        assert!(log.contains(word), "{word}: {log}");
    }
    // Beside a checkpoint it has no effect.
    let ended = harness.run(&["--once", "--since", "48h"]).await;
    let log = &ended.stderr;
    assert!(
        log.contains("--since is ignored") && log.contains("okta-coralogix.checkpoint away"),
        "{log}"
    );
    assert!(!log.contains("reading begins at"), "{log}");
    let ended = harness.run(&["--once"]).await;
    assert!(!ended.stderr.contains("is ignored"), "{}", ended.stderr);
}

#[tokio::test]
async fn queue_of_old_messages_is_left_as_it_is_until_it_is_said_what_to_do() {
    let harness = SqsHarness::new(SqsSimulator::builder().max_receive_count(10).build()).await;
    for event in old(10) {
        harness.queue.send(envelope(&event.json));
    }
    let ended = Exit::of(harness.start(&["--once"])).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("--too-old"), "{}", ended.stderr);
    let depth = harness.queue.depth_now();
    assert_eq!(
        (depth.visible, depth.in_flight, harness.queue.deleted()),
        (10, 0, 0)
    );

    let ended = Exit::of(harness.start(&["--once", "--too-old", "drop"])).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(
        (ended.summary()["too_old"], harness.queue.deleted()),
        (10, 10)
    );
}
