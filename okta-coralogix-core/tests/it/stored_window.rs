//! A deduplication window over restarts and crashes.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use okta_coralogix_core::checkpoint::{Checkpoint, CheckpointStore, FileCheckpoint, StoredWindow};
use okta_coralogix_core::internal::Claim;
use okta_coralogix_core::testing::{MemoryCheckpoint, TestClock};
use okta_coralogix_core::{ErrorKind, Result};
use tokio::time::advance;

use crate::pipeline::harness::start;
use crate::unknown_saves::{Fault, Remote};

const DAY: Duration = Duration::from_secs(25 * 3600);
const MINUTE: Duration = Duration::from_secs(60);
const OWNER: &str = "pages of acme";

async fn open(store: &(impl CheckpointStore + Clone), clock: &Arc<TestClock>) -> StoredWindow {
    try_open(store, clock).await.unwrap()
}

async fn try_open(
    store: &(impl CheckpointStore + Clone),
    clock: &Arc<TestClock>,
) -> Result<StoredWindow> {
    StoredWindow::open(Arc::new(store.clone()), OWNER, DAY, 1000, clock.clone()).await
}

fn remember(window: &StoredWindow, id: &str) {
    match window.window().claim(id) {
        Claim::New(claim) => claim.remember(),
        other => panic!("{id}: {other:?}"),
    }
}

fn clock() -> Arc<TestClock> {
    Arc::new(TestClock::starting_at(start()))
}

fn minute(minute: i64) -> chrono::DateTime<chrono::Utc> {
    start() + TimeDelta::minutes(minute)
}

#[tokio::test(start_paused = true)]
async fn window_knows_everything_after_an_orderly_restart() {
    let (store, clock) = (MemoryCheckpoint::default(), clock());
    let window = open(&store, &clock).await;
    assert!(window.is_new());
    for n in 0..10 {
        remember(&window, &format!("event {n}"));
        advance(MINUTE).await;
    }
    window.save().await.unwrap();
    remember(&window, "after the last save");
    window.close().await.unwrap();
    drop(window);
    advance(30 * MINUTE).await;
    let window = open(&store, &clock).await;
    assert!(!window.is_new());
    assert_eq!(window.window().len(), 11);
    assert_eq!(window.window().covered_since(), Some(start()));
    for published in 0..40 {
        assert!(window.window().covers(minute(published)), "{published}");
    }
    assert!(!window.window().covers(minute(-1)));
}

/// What is not known after a crash is what was remembered since the last save, and the window says of which time that is.
#[tokio::test(start_paused = true)]
async fn window_does_not_cover_the_time_from_its_last_save_to_the_restart() {
    let (store, clock) = (MemoryCheckpoint::default(), clock());
    let window = open(&store, &clock).await;
    for n in 0..10 {
        remember(&window, &format!("event {n}"));
        advance(MINUTE).await;
    }
    window.save().await.unwrap();
    assert_eq!(window.saved_at().await, Some(minute(10)));
    advance(MINUTE).await;
    remember(&window, "lost");
    drop(window);
    advance(9 * MINUTE).await;
    let window = open(&store, &clock).await;
    assert_eq!(window.window().len(), 10);
    assert!(!window.window().contains("lost"));
    for published in 0..30 {
        let covered = window.window().covers(minute(published));
        assert_eq!(covered, !(9..20).contains(&published), "{published}");
    }
    // A second crash, before anything was saved, adds a gap of its own.
    drop(window);
    advance(5 * MINUTE).await;
    let window = open(&store, &clock).await;
    for published in 0..30 {
        let covered = window.window().covers(minute(published));
        assert_eq!(covered, !(9..25).contains(&published), "{published}");
    }
    window.close().await.unwrap();
    let window = open(&store, &clock).await;
    assert!(!window.window().covers(minute(10)), "it is still not known");
}

#[tokio::test(start_paused = true)]
async fn window_is_saved_only_if_it_has_changed() {
    let (store, clock) = (MemoryCheckpoint::default(), clock());
    let window = open(&store, &clock).await;
    assert_eq!(store.saves(), 1, "the store can be written");
    window.save().await.unwrap();
    assert_eq!(store.saves(), 1);
    remember(&window, "a");
    window.save().await.unwrap();
    window.save().await.unwrap();
    assert_eq!(store.saves(), 2);
    window.close().await.unwrap();
    assert_eq!(store.saves(), 3, "its end is noted");
}

#[tokio::test(start_paused = true)]
async fn window_in_a_file_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (path, clock) = (folder.path().join("window"), clock());
    let store = || async { FileCheckpoint::open(&path).await.unwrap() };
    let window = open(&store().await, &clock).await;
    let uuid = "c6ed294a-fef4-11ed-a5b1-bbb7c1de1a4b";
    for id in [uuid, "no uuid"] {
        remember(&window, id);
    }
    let locked = FileCheckpoint::open(&path).await.unwrap_err();
    assert_eq!(locked.kind(), ErrorKind::Locked);
    window.close().await.unwrap();
    drop(window);
    let window = open(&store().await, &clock).await;
    for id in [uuid, "no uuid"] {
        assert!(matches!(window.window().claim(id), Claim::Duplicate));
    }
}

#[tokio::test(start_paused = true)]
async fn foreign_or_damaged_window_is_refused() {
    let clock = clock();
    for (owner, cursor, expected) in [
        ("another", "", "belongs to"),
        (OWNER, "/api/v1/logs?after=1", "has no times"),
        (
            OWNER,
            r#"{"saved_ms":1,"closed":true,"revision":0,"times":{"marks":[[2,0],[1,0]]}}"#,
            "are not those of its uuids",
        ),
    ] {
        let store = MemoryCheckpoint::default();
        let record = Checkpoint::new(owner, cursor, Default::default());
        store.create(&record).await.saved().unwrap();
        let error = try_open(&store, &clock).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(store.stored(), Some(record), "it stays as it is");
    }
}

#[tokio::test(start_paused = true)]
async fn save_whose_end_is_not_known_is_looked_up_before_the_next() {
    let (store, clock) = (Arc::new(Remote::default()), clock());
    let window = open(&store, &clock).await;
    for (id, fault, is_saved) in [("a", Fault::Stored, true), ("b", Fault::NotStored, false)] {
        remember(&window, id);
        store.fail_next(fault);
        assert_eq!(window.save().await.is_ok(), is_saved, "{fault:?}");
    }
    window.save().await.unwrap();
    remember(&window, "c");
    store.fail_next(Fault::Stored);
    store.set_unreadable(true);
    window.save().await.unwrap_err();
    store.set_unreadable(false);
    window.close().await.unwrap();
    let again = open(&store, &clock).await;
    assert_eq!(again.window().len(), 3);
    // Another process has taken the store over.
    remember(&window, "d");
    let error = window.save().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
}
