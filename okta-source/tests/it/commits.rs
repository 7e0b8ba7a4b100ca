use std::sync::Arc;
use std::time::Duration;

use okta_coralogix_core::internal::Claim;
use okta_coralogix_core::transport::{Body, Transport, TransportError};
use okta_coralogix_core::{ErrorKind, EventSource, Outcome};
use okta_source::simulator::OktaSimulator;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use crate::harness::{Harness, Next, failed, given, numbers, settle};

#[tokio::test(start_paused = true)]
async fn restart_resumes_from_the_stored_link_alone() {
    let harness = Harness::new();
    harness.append(0..1_500);
    let mut source = harness.open().await;
    settle(given(&mut source).await).await.unwrap();
    drop(given(&mut source).await);
    drop(source);

    let stored = harness.store.cursor().unwrap();
    assert!(
        stored.starts_with("/api/v1/logs?after="),
        "path and query only: {stored}"
    );
    let mut source = harness.open().await;
    let delivery = given(&mut source).await;
    assert_eq!(harness.last_request(), stored);
    assert_eq!(numbers(&delivery), (1_000..1_500).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn position_never_passes_an_unsettled_page() {
    let harness = Harness::new();
    harness.append(0..2_500);
    let mut source = harness.open().await;
    let first = given(&mut source).await;
    let second = given(&mut source).await;
    let third = given(&mut source).await;
    settle(third).await.unwrap();
    settle(second).await.unwrap();
    assert_eq!(
        harness.store.cursor(),
        None,
        "the first page is not settled"
    );
    settle(first).await.unwrap();
    assert!(
        harness.store.cursor().unwrap().contains("_2500"),
        "then all three are"
    );
    assert_eq!(harness.store.saves(), 2, "the start, and behind the third");
}

#[tokio::test(start_paused = true)]
async fn event_handed_back_rereads_its_page_and_later_ones() {
    let harness = Harness::new();
    harness.append(0..2_500);
    let mut source = harness.open().await;
    settle(given(&mut source).await).await.unwrap();
    let committed = harness.store.cursor();
    let second = given(&mut source).await;
    let third = given(&mut source).await;
    let mut outcomes = vec![Outcome::Settled; 1_000];
    outcomes[400] = Outcome::HandedBack;
    second.acker.settle(&outcomes).await.unwrap();
    settle(third).await.unwrap();
    assert_eq!(
        harness.store.cursor(),
        committed,
        "a page given before reading again moves nothing"
    );

    let second = given(&mut source).await;
    assert_eq!(numbers(&second), (1_000..2_000).collect::<Vec<_>>());
    settle(second).await.unwrap();
    settle(given(&mut source).await).await.unwrap();
    assert!(harness.store.cursor().unwrap().contains("_2500"));
}

#[tokio::test(start_paused = true)]
async fn page_read_before_a_rewind_commits_nothing() {
    let harness = Harness::new();
    harness.append(0..2_500);
    let mut source = harness.open().await;
    let first = given(&mut source).await;
    let second = given(&mut source).await;
    drop(first);
    let again = given(&mut source).await;
    settle(second).await.unwrap();
    assert_eq!(harness.store.cursor(), None);
    settle(again).await.unwrap();
    assert!(harness.store.cursor().unwrap().contains("_1000"));
}

#[tokio::test(start_paused = true)]
async fn page_handed_back_is_reread_before_the_next_tick() {
    let harness = Harness::new();
    harness.append(0..3);
    let mut source = harness.open().await;
    let delivery = given(&mut source).await;
    let began = Instant::now();
    let (again, ()) = tokio::join!(given(&mut source), async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        drop(delivery);
    });
    assert_eq!(numbers(&again), [0, 1, 2]);
    assert_eq!(began.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn rewind_to_the_start_begins_at_the_same_time() {
    let harness = Harness::new();
    harness.append(0..1);
    let mut source = harness
        .builder()
        .since(Duration::from_secs(60))
        .open()
        .await
        .unwrap();
    let delivery = given(&mut source).await;
    let first = harness.last_request();
    tokio::time::advance(Duration::from_secs(3600)).await;
    drop(delivery);
    assert_eq!(numbers(&given(&mut source).await), [0], "an hour later");
    assert_eq!(harness.last_request(), first);
}

#[tokio::test(start_paused = true)]
async fn dedup_window_is_stored_with_the_position_and_restored() {
    let harness = Harness::new();
    harness.append(0..3);
    let mut source = harness.open().await;
    let delivery = given(&mut source).await;
    for event in delivery.items.iter().flatten() {
        match source.dedup_window().claim(&event.uuid().unwrap()) {
            Claim::New(held) => held.remember(),
            other => panic!("{other:?}"),
        }
    }
    settle(delivery).await.unwrap();
    drop(source);
    let source = harness.open().await;
    assert!(matches!(source.dedup_window().claim("2"), Claim::Duplicate));
    assert!(matches!(source.dedup_window().claim("3"), Claim::New(_)));
}

#[tokio::test(start_paused = true)]
async fn latest_published_time_is_stored_and_never_goes_back() {
    let harness = Harness::new();
    let now = harness.clock.now();
    let mut source = harness.open().await;
    let late = now - chrono::TimeDelta::hours(5);
    for (number, published) in [(0, now), (1, late)] {
        harness.org.append(crate::harness::event(number, published));
        settle(given(&mut source).await).await.unwrap();
        assert_eq!(harness.store.published_ms(), Some(now.timestamp_millis()));
    }
}

#[tokio::test(start_paused = true)]
async fn checkpoint_save_failure_fails_settling_and_the_page_is_reread() {
    for kind in [ErrorKind::Storage, ErrorKind::Conflict] {
        let harness = Harness::new();
        harness.append(0..3);
        let mut source = harness.open().await;
        let page = given(&mut source).await;
        harness.store.next_save(Next::Fail(kind));
        let error = settle(page).await.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(!error.is_temporary());
        assert_eq!(numbers(&given(&mut source).await), [0, 1, 2]);
    }
}

#[tokio::test(start_paused = true)]
async fn cancelled_checkpoint_save_leaves_the_old_or_new_position() {
    for (hang, begin) in [(Next::HangBefore, 0), (Next::HangAfter, 1_000)] {
        let harness = Harness::new();
        harness.append(0..2_500);
        let mut source = harness.open().await;
        let first = given(&mut source).await;
        harness.store.next_save(hang);
        assert!(
            timeout(Duration::from_secs(1), settle(first))
                .await
                .is_err()
        );
        let delivery = given(&mut source).await;
        assert_eq!(numbers(&delivery)[0], begin, "{hang:?}");
        settle(delivery).await.unwrap();
        assert!(
            harness
                .store
                .cursor()
                .unwrap()
                .contains(&format!("_{}", begin + 1_000))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn checkpoint_changed_by_another_process_is_a_conflict() {
    let harness = Harness::new();
    harness.append(0..2_500);
    let mut source = harness.open().await;
    settle(given(&mut source).await).await.unwrap();
    let second = given(&mut source).await;
    harness.store.write("/api/v1/logs?after=other");
    let error = settle(second).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let error = failed(&mut source).await;
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(!error.is_temporary());
}

#[tokio::test(start_paused = true)]
async fn event_without_an_outcome_is_not_settled() {
    let harness = Harness::new();
    harness.append(0..3);
    let mut source = harness.open().await;
    let delivery = given(&mut source).await;
    delivery.acker.settle(&[Outcome::Settled; 2]).await.unwrap();
    assert_eq!(harness.store.cursor(), None);
    assert_eq!(numbers(&given(&mut source).await), [0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn page_read_during_a_rewind_is_discarded() {
    let harness = Harness::new();
    harness.append(0..2_500);
    let (slow, opened) = Slow::around(harness.org.clone());
    let slow = Arc::new(slow);
    let mut source = harness.builder().transport(slow).open().await.unwrap();
    opened.add_permits(1);
    let first = given(&mut source).await;
    let (again, ()) = tokio::join!(given(&mut source), async {
        tokio::task::yield_now().await;
        drop(first);
        opened.add_permits(2);
    });
    assert_eq!(numbers(&again)[0], 0);
}

/// Answers only when it is let.
#[derive(Debug)]
struct Slow {
    org: OktaSimulator,
    open: Arc<Semaphore>,
}

impl Slow {
    fn around(org: OktaSimulator) -> (Self, Arc<Semaphore>) {
        let open = Arc::new(Semaphore::new(0));
        let slow = Self {
            org,
            open: Arc::clone(&open),
        };
        (slow, open)
    }
}

#[async_trait::async_trait]
impl Transport for Slow {
    async fn call(
        &self,
        request: http::Request<bytes::Bytes>,
    ) -> Result<http::Response<Body>, TransportError> {
        self.open.acquire().await.unwrap().forget();
        self.org.call(request).await
    }
}
