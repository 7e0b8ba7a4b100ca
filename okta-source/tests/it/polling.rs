use std::time::Duration;

use chrono::TimeDelta;
use okta_coralogix_core::{AckOrder, EventSource};
use tokio::time::{Instant, timeout};

use crate::harness::{Harness, TOKEN, event, given, numbers, settle, start};

#[tokio::test(start_paused = true)]
async fn first_request_polls_24_hours_back_with_a_user_agent() {
    let harness = Harness::new();
    let mut source = harness.open().await;
    assert_eq!(source.ack_order(), AckOrder::Cumulative);
    settle(given(&mut source).await).await.unwrap();
    let request = harness.org.requests().remove(0);
    assert_eq!(
        request.path_and_query,
        "/api/v1/logs?since=2026-11-21T10:00:00.000Z&sortOrder=ASCENDING&limit=1000"
    );
    assert_eq!(request.status, Some(200));
    assert!(request.authorized);
    assert!(request.user_agent.unwrap().starts_with("okta-source/"));
}

#[tokio::test(start_paused = true)]
async fn idle_org_gets_one_request_per_poll_interval() {
    let harness = Harness::new();
    let mut source = harness.open().await;
    settle(given(&mut source).await).await.unwrap();
    assert_eq!(harness.org.request_count(), 1);
    let quiet = timeout(Duration::from_secs(20 * 30 + 15), source.next()).await;
    assert!(quiet.is_err(), "nothing to give");
    assert_eq!(harness.org.request_count(), 1 + 20);
    assert_eq!(harness.store.saves(), 1, "no position was moved");
}

#[tokio::test(start_paused = true)]
async fn backlog_is_read_in_pages_of_1000_without_pause() {
    let harness = Harness::new();
    harness.append(0..5_500);
    let mut source = harness.open().await;
    let began = Instant::now();
    let mut all = Vec::new();
    for size in [1000, 1000, 1000, 1000, 1000, 500] {
        let delivery = given(&mut source).await;
        assert_eq!(delivery.items.len(), size);
        assert_eq!(delivery.items[0].as_ref().unwrap().origin().org, "example");
        all.extend(numbers(&delivery));
        settle(delivery).await.unwrap();
    }
    assert_eq!(all, (0..5_500).collect::<Vec<_>>());
    assert_eq!(
        harness.org.request_count(),
        6,
        "a short page of the last minute: an empty one can wait"
    );
    assert_eq!(began.elapsed(), Duration::ZERO);
    harness.org.caught_up().await;
}

#[tokio::test(start_paused = true)]
async fn short_page_makes_the_next_poll_wait_for_the_tick() {
    let harness = Harness::new();
    harness.append(0..1);
    let mut source = harness
        .builder()
        .poll_interval(Duration::from_secs(7))
        .open()
        .await
        .unwrap();
    settle(given(&mut source).await).await.unwrap();
    harness.append(1..2);
    let began = Instant::now();
    tokio::time::advance(Duration::from_secs(3)).await;
    let delivery = given(&mut source).await;
    assert_eq!(numbers(&delivery), [1]);
    assert_eq!(
        began.elapsed().as_secs(),
        7,
        "measured from the start of the last poll"
    );
}

#[tokio::test(start_paused = true)]
async fn late_events_arrive_in_storage_order() {
    let harness = Harness::new();
    let mut source = harness.open().await;
    harness.append(0..1);
    settle(given(&mut source).await).await.unwrap();
    let hours_ago = start() - TimeDelta::hours(20);
    harness.org.append(event(1, hours_ago));
    let delivery = given(&mut source).await;
    assert_eq!(
        numbers(&delivery),
        [1],
        "a cursor on `published` would miss it"
    );
}

#[tokio::test(start_paused = true)]
async fn once_ends_at_the_empty_page_behind_a_short_one() {
    let harness = Harness::new();
    harness.append(0..1_001);
    let mut source = harness.builder().once(true).open().await.unwrap();
    settle(given(&mut source).await).await.unwrap();
    settle(given(&mut source).await).await.unwrap();
    assert!(source.next().await.unwrap().is_none());
    assert_eq!(harness.org.request_count(), 3);
}

#[tokio::test(start_paused = true)]
async fn once_reads_a_handed_back_page_again_before_it_ends() {
    let harness = Harness::new();
    harness.append(0..3);
    let mut source = harness.builder().once(true).open().await.unwrap();
    drop(given(&mut source).await);
    let delivery = given(&mut source).await;
    assert_eq!(numbers(&delivery), [0, 1, 2]);
    settle(delivery).await.unwrap();
    assert!(source.next().await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn once_commits_the_position_of_an_empty_log() {
    let harness = Harness::new();
    let mut source = harness.builder().once(true).open().await.unwrap();
    let delivery = given(&mut source).await;
    assert!(delivery.items.is_empty());
    settle(delivery).await.unwrap();
    assert!(source.next().await.unwrap().is_none());
    assert!(harness.store.cursor().is_some());
}

#[tokio::test(start_paused = true)]
async fn cancelled_next_call_loses_no_event() {
    let harness = Harness::new();
    let mut source = harness.open().await;
    settle(given(&mut source).await).await.unwrap();
    harness.append(0..2);
    assert!(
        timeout(Duration::from_secs(10), source.next())
            .await
            .is_err()
    );
    harness
        .org
        .script(okta_source::simulator::Fault::StalledBody);
    assert!(
        timeout(Duration::from_secs(25), source.next())
            .await
            .is_err(),
        "in the middle of the answer"
    );
    assert_eq!(numbers(&given(&mut source).await), [0, 1]);
}

#[tokio::test(start_paused = true)]
async fn source_check_requests_one_event_and_saves_nothing() {
    let harness = Harness::new();
    harness.append(0..3);
    harness.builder().check().await.unwrap();
    harness.open().await.check().await.unwrap();
    assert!(harness.last_request().ends_with("&limit=1"));
    assert_eq!((harness.org.request_count(), harness.store.saves()), (2, 0));
    let wrong = harness
        .builder()
        .api_token(format!("{TOKEN}x"))
        .check()
        .await
        .unwrap_err();
    assert_eq!(wrong.kind(), okta_coralogix_core::ErrorKind::Unauthorized);
}

#[tokio::test(start_paused = true)]
async fn once_ends_when_every_delivery_is_settled() {
    let harness = Harness::new();
    harness.append(0..3);
    let mut source = harness.builder().once(true).open().await.unwrap();
    let delivery = given(&mut source).await;
    let waits = timeout(Duration::from_secs(3600), source.next()).await;
    assert!(waits.is_err(), "it could still be handed back");
    drop(delivery);
    let again = given(&mut source).await;
    assert_eq!(numbers(&again), [0, 1, 2]);
    settle(again).await.unwrap();
    assert!(source.next().await.unwrap().is_none());
}
