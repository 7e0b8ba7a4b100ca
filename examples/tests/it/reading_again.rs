//! `pull` reads the last minutes again unless it is told not to.

use std::time::Duration;

use chrono::TimeDelta;
use okta_coralogix_core::{Clock, SystemClock};
use tokio::time::timeout;

use super::harness::{Exit, Harness, fresh, terminate};

/// The requests with a start: the first one of all runs, and one for each turn of reading again.
fn starts(harness: &Harness) -> usize {
    let requests = harness.org.requests();
    let is_start = |path: &str| path.contains("since=");
    requests
        .iter()
        .filter(|one| is_start(&one.path_and_query))
        .count()
}

/// Waits until the ingress has seen so many entries.
async fn wait_for(harness: &mut Harness, entries: usize) {
    let seen = harness.seen.wait_for(|seen| *seen >= entries);
    let seen = timeout(Duration::from_secs(60), seen).await;
    assert!(seen.is_ok_and(|seen| seen.is_ok()), "{entries} entries");
}

#[tokio::test]
async fn pull_reads_the_last_minutes_again_by_default() {
    let mut harness = Harness::new().await;
    let events = fresh(4);
    let child = harness.start(&["--poll-interval", "1s", "--reread-every", "off"]);
    // Each is read by a poll of its own; a turn would come behind the first.
    for (number, event) in events.iter().enumerate().skip(1) {
        harness.org.append(event.json.clone());
        wait_for(&mut harness, number).await;
    }
    terminate(&child).await;
    let ended = Exit::of(child).await;
    assert_eq!((ended.code, starts(&harness)), (Some(0), 1), "{ended:?}");

    // Stored as of a time before the position: the links have passed it.
    let late = SystemClock.now() - TimeDelta::seconds(30);
    harness.org.commit_late(late, [events[0].json.clone()]);
    let child = harness.start(&["--poll-interval", "1s"]);
    wait_for(&mut harness, 4).await;
    terminate(&child).await;
    let ended = Exit::of(child).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let counts = ended.summary_with(&["late"]);
    assert_eq!((counts["delivered"], counts["late"]), (1, 1), "{ended:?}");
    assert!(ended.stderr.contains("WARN"), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("the remote's links had passed"),
        "{}",
        ended.stderr
    );
    harness.assert_all_once(&events);
}

#[tokio::test]
async fn once_costs_no_request_for_reading_again() {
    let harness = Harness::new().await;
    harness.backlog(10);
    for _ in 0..2 {
        assert_eq!(harness.run(&["--once"]).await.code, Some(0));
    }
    assert_eq!(starts(&harness), 1);
}
