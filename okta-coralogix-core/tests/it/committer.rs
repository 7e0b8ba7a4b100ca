//! The committer of sources with one position.

use std::sync::Arc;

use okta_coralogix_core::checkpoint::{Checkpoint, CheckpointStore, Committer, ResumePoint};
use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::internal::Claim;
use okta_coralogix_core::testing::MemoryCheckpoint;
use okta_coralogix_core::{ErrorKind, Outcome};

const IDENTITY: &str = "pages of acme";
const SETTLED: &[Outcome] = &[Outcome::Settled];

async fn open(store: &MemoryCheckpoint) -> Committer {
    let store = Arc::new(store.clone());
    Committer::open(store, IDENTITY, 10).await.unwrap()
}

fn point(cursor: &str) -> ResumePoint {
    ResumePoint::new(cursor)
}

fn stored(store: &MemoryCheckpoint) -> Option<String> {
    store.stored().map(|record| record.cursor)
}

fn remember(window: &DedupWindow, uuid: &str) {
    match window.claim(uuid) {
        Claim::New(held) => held.remember(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn committer_saves_points_in_the_order_of_the_pages() {
    let store = MemoryCheckpoint::default();
    let committer = open(&store).await;
    let first = committer.acker(0, point("1").with_published_ms(Some(7)), 1);
    let second = committer.acker(0, point("2").with_published_ms(Some(5)), 1);
    let third = committer.acker(0, point("3"), 1);
    second.settle(SETTLED).await.unwrap();
    assert_eq!(stored(&store), None, "the first one is not settled");
    remember(committer.dedup_window(), "a");
    first.settle(SETTLED).await.unwrap();
    assert_eq!(stored(&store).as_deref(), Some("2"));
    assert_eq!(committer.published_ms(), Some(7), "it never goes back");
    assert!(!committer.is_committed(0));
    third.settle(SETTLED).await.unwrap();
    assert!(committer.is_committed(0));
    let reopened = open(&store).await;
    let committed = reopened.committed().await.unwrap();
    assert_eq!(committed, Some(point("3").with_published_ms(Some(7))));
    assert!(reopened.dedup_window().contains("a"));
}

#[tokio::test]
async fn hand_back_forgets_all_open_pages() {
    let store = MemoryCheckpoint::default();
    let committer = open(&store).await;
    let first = committer.acker(0, point("1"), 2);
    let second = committer.acker(0, point("2"), 1);
    let outcomes = [Outcome::Settled, Outcome::HandedBack];
    first.settle(&outcomes).await.unwrap();
    committer.handed_back().await;
    assert_eq!(committer.rewinds(), 1);
    second.settle(SETTLED).await.unwrap();
    assert_eq!(stored(&store), None);
    drop(committer.acker(0, point("of before"), 1));
    assert_eq!(committer.rewinds(), 1, "it was never open");
}

#[tokio::test]
async fn page_read_before_a_hand_back_is_never_saved() {
    let store = MemoryCheckpoint::default();
    let committer = open(&store).await;
    drop(committer.acker(0, point("1"), 1));
    // It was being read meanwhile.
    let second = committer.acker(0, point("1"), 1);
    second.settle(SETTLED).await.unwrap();
    assert_eq!(stored(&store), None);
    assert!(
        !committer.is_committed(0),
        "the first one is to be read again"
    );
    assert!(committer.is_committed(1), "it is not waited for");
    let again = committer.acker(committer.rewinds(), point("1"), 1);
    again.settle(SETTLED).await.unwrap();
    assert_eq!(stored(&store).as_deref(), Some("1"));
}

#[tokio::test]
async fn delivery_with_too_few_outcomes_is_handed_back() {
    let store = MemoryCheckpoint::default();
    let committer = open(&store).await;
    let acker = committer.acker(0, point("1"), 2);
    acker.settle(SETTLED).await.unwrap();
    assert_eq!((stored(&store), committer.rewinds()), (None, 1));
}

#[tokio::test]
async fn start_is_saved_until_there_is_a_point() {
    let store = MemoryCheckpoint::default();
    let committer = open(&store).await;
    committer.prepare(None).await.unwrap();
    assert_eq!(stored(&store), None);
    committer.prepare(Some("start".to_owned())).await.unwrap();
    committer.prepare(Some("start".to_owned())).await.unwrap();
    assert_eq!(
        (stored(&store).as_deref(), store.saves()),
        (Some("start"), 1)
    );
    committer
        .acker(0, point("1"), 1)
        .settle(SETTLED)
        .await
        .unwrap();
    committer.prepare(Some("start".to_owned())).await.unwrap();
    assert_eq!((stored(&store).as_deref(), store.saves()), (Some("1"), 2));
}

#[tokio::test]
async fn close_saves_the_window_only_if_it_has_grown() {
    let store = MemoryCheckpoint::default();
    let committer = open(&store).await;
    committer
        .acker(0, point("1"), 1)
        .settle(SETTLED)
        .await
        .unwrap();
    committer.close(None).await.unwrap();
    assert_eq!(store.saves(), 1);
    remember(committer.dedup_window(), "a");
    committer.close(None).await.unwrap();
    assert_eq!(store.saves(), 2);
    assert!(open(&store).await.dedup_window().contains("a"));
}

#[tokio::test]
async fn committer_refuses_the_record_of_another_identity() {
    let store = MemoryCheckpoint::default();
    let other = Checkpoint::new("pages of another", "1", DedupWindow::new(1).snapshot());
    store.create(&other).await.saved().unwrap();
    let opened = Committer::open(Arc::new(store.clone()), IDENTITY, 10).await;
    let error = opened.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.detail().contains("pages of another"), "{error}");
    assert_eq!(store.stored(), Some(other));
}

#[tokio::test]
async fn committer_overwrites_no_record_of_another_process() {
    let store = MemoryCheckpoint::default();
    let (one, two) = (open(&store).await, open(&store).await);
    one.acker(0, point("1"), 1).settle(SETTLED).await.unwrap();
    let late = two.acker(0, point("other 1"), 1).settle(SETTLED).await;
    assert_eq!(late.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(stored(&store).as_deref(), Some("1"));
    assert_stopped(&two).await;
    assert_eq!((stored(&store).as_deref(), store.saves()), (Some("1"), 1));
}

/// It saves nothing any more, whatever is asked of it.
async fn assert_stopped(committer: &Committer) {
    remember(committer.dedup_window(), "later");
    let page = committer.acker(committer.rewinds(), point("later"), 1);
    for stopped in [
        page.settle(SETTLED).await,
        committer.prepare(Some("start".to_owned())).await,
        committer.close(Some("start".to_owned())).await,
        committer.committed().await.map(drop),
    ] {
        assert_eq!(stopped.unwrap_err().kind(), ErrorKind::Conflict);
    }
}
