//! Posts beside one whose event is refused by its content.

use std::time::Duration;

use coralogix_sink::simulator::Fault;
use okta_coralogix_core::testing::GeneratedEvent;
use tokio::time::{Instant, sleep};

use super::harness::{Harness, envelope};
use crate::refused_content::{assert_blocked, fail_at_guilty, faults, guilty};

const POSTS: usize = 40;

/// EventBridge waits so long.
const ANSWER_TIME: Duration = Duration::from_secs(5);

/// Events of which the one in the middle is guilty.
fn events_with_a_guilty_one(harness: &Harness, count: usize) -> Vec<GeneratedEvent> {
    let mut events = harness.events(count);
    let event = &mut events[count / 2];
    event.json = guilty(&event.json);
    events
}

#[tokio::test(start_paused = true)]
async fn posts_beside_a_refused_one_are_answered_without_it() {
    for fault in faults() {
        let harness = Harness::new();
        fail_at_guilty(&harness.ingress, &fault);
        let mut events = events_with_a_guilty_one(&harness, POSTS);
        let refused = events.remove(POSTS / 2);
        let began = Instant::now();
        let destination = harness.destination().rate(1_000_000).build();
        let innocent = destination.invoke_all(events.iter().map(envelope));
        let guilty = envelope(&refused);
        let guilty_bytes = guilty.clone();
        let last_innocent = async {
            let report = innocent.await;
            (report, began.elapsed())
        };
        let ((report, took), guilty) = tokio::join!(last_innocent, destination.invoke(guilty));
        assert_eq!(report.undelivered.len(), 0, "{fault:?}");
        assert!(report.answered_within(1.0) < ANSWER_TIME, "{fault:?}");
        println!(
            "{fault:?}: {} retries, all within {took:?}",
            report.retries()
        );
        // What was in one request with the guilty one waits only for a sink that is silent, and is sent again meanwhile.
        match fault {
            Fault::Silence => assert!(took < Duration::from_secs(600), "{took:?}"),
            _ => assert_eq!(report.retries(), 0, "{fault:?}"),
        }
        let answered = guilty.unwrap();
        assert!(answered.retry_attempts > 0, "{fault:?}");
        let patience = Duration::from_secs(if took > ANSWER_TIME { 1800 } else { 300 });
        assert!(began.elapsed() >= patience, "{fault:?}");
        assert_blocked(&harness.letters.records(), &guilty_bytes, &fault);
        harness.assert_all_once(&events);
        let summary = harness.end().await;
        assert_eq!((summary.delivered, summary.dead_lettered), (39, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn posts_are_answered_at_once_while_a_suspect_is_tried() {
    for fault in faults() {
        let harness = Harness::new();
        fail_at_guilty(&harness.ingress, &fault);
        let events = events_with_a_guilty_one(&harness, 241);
        let destination = harness.destination().build();
        let (first, later) = events.split_at(121);
        let (refused, earlier) = first.split_last().unwrap();
        let begun = destination.invoke(envelope(refused));
        let posts = async {
            // One post each quarter of a minute, for an hour.
            let mut slowest = Duration::ZERO;
            for event in earlier.iter().chain(later) {
                sleep(Duration::from_secs(15)).await;
                let answered = destination.invoke(envelope(event)).await.unwrap();
                assert_eq!(answered.retry_attempts, 0, "{fault:?}");
                slowest = slowest.max(answered.answered_in);
            }
            slowest
        };
        let (guilty, slowest) = tokio::join!(begun, posts);
        assert!(guilty.unwrap().retry_attempts > 0, "{fault:?}");
        assert!(slowest < Duration::from_secs(1), "{fault:?}: {slowest:?}");
        let letters = harness.letters.records();
        assert_blocked(&letters, &envelope(refused), &fault);
        harness.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn refused_post_is_answered_503_until_it_is_dead_lettered() {
    let harness = Harness::new();
    fail_at_guilty(&harness.ingress, &Fault::html(403));
    let events = events_with_a_guilty_one(&harness, 2);
    let destination = harness.destination().max_retry_attempts(3).build();
    let undelivered = destination.invoke(envelope(&events[1])).await.unwrap_err();
    assert_eq!(
        undelivered.event,
        envelope(&events[1]),
        "EventBridge has it"
    );
    let summary = harness.end().await;
    assert_eq!(
        (summary.dead_lettered, summary.handed_back),
        (0, summary.received)
    );
}
