//! `pull` reads the last minutes again unless it is told not to.

use chrono::TimeDelta;
use okta_coralogix_core::{Clock, SystemClock};

use super::harness::{Exit, Harness, KEY, fresh, terminate};

/// The requests with a start: the first one of all runs, and one for each turn of reading again.
fn starts(harness: &Harness) -> usize {
    let requests = harness.org.requests();
    let is_start = |path: &str| path.contains("since=");
    requests
        .iter()
        .filter(|one| is_start(&one.path_and_query))
        .count()
}

/// Runs until three polls have each brought an event, of `numbers`.
async fn run_three_polls(
    harness: &mut Harness,
    numbers: std::ops::Range<usize>,
    flags: &[&str],
) -> Exit {
    let events = fresh(numbers.end);
    let child = harness.start(&[&["--poll-interval", "1s"], flags].concat());
    for number in numbers {
        harness.org.append([events[number].json.clone()].concat());
        let seen = harness.seen.wait_for(|seen| *seen > number).await;
        assert!(seen.is_ok());
    }
    terminate(&child).await;
    Exit::of(child).await
}

#[tokio::test]
async fn pull_reads_the_last_minutes_again_by_default() {
    let mut harness = Harness::new().await;
    let ended = run_three_polls(&mut harness, 0..3, &["--reread-every", "off"]).await;
    assert_eq!((ended.code, starts(&harness)), (Some(0), 1), "{ended:?}");

    // Stored as of a time before the position: the links have passed it.
    let events = fresh(4);
    let late = SystemClock.now() - TimeDelta::seconds(30);
    harness.org.commit_late(late, [events[3].json.clone()]);
    let child = harness.start(&["--poll-interval", "1s"]);
    harness.seen.wait_for(|seen| *seen >= 4).await.unwrap();
    terminate(&child).await;
    let ended = Exit::of(child).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let counts = ended.summary();
    assert_eq!((counts["delivered"], counts["late"]), (1, 1), "{ended:?}");
    assert!(ended.stderr.contains("WARN"), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("the remote's links had passed"),
        "{}",
        ended.stderr
    );
    assert!(!ended.stderr.contains(KEY));
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
