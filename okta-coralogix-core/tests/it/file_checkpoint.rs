//! `FileCheckpoint`: old or new, never half.

use std::io::ErrorKind as Io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::{Context, Waker};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::FutureExt;
use okta_coralogix_core::checkpoint::{
    Checkpoint, CheckpointStore, FileCheckpoint, SaveOutcome, Version, Versioned,
};
use okta_coralogix_core::filter::DedupSnapshot;
use okta_coralogix_core::{Error, ErrorKind};
use serde_json::json;
use tempfile::TempDir;

use crate::faulty_disk::{Fault, FaultyDisk};

pub(crate) fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("okta.checkpoint");
    (folder, path)
}

fn snapshot(uuids: usize) -> DedupSnapshot {
    let packed: Vec<u8> = (0..uuids as u128).flat_map(u128::to_be_bytes).collect();
    let stored = json!({"uuids": STANDARD.encode(packed)});
    serde_json::from_value(stored).expect("a window")
}

pub(crate) fn checkpoint(cursor: &str) -> Checkpoint {
    let mut checkpoint = Checkpoint::new("okta https://example.okta.com", cursor, snapshot(3));
    checkpoint.published_ms = Some(1_777_896_000_000);
    checkpoint
}

pub(crate) async fn open(path: &Path) -> FileCheckpoint {
    FileCheckpoint::open(path).await.expect("it opens")
}

pub(crate) async fn stored(store: &FileCheckpoint) -> Versioned<Checkpoint> {
    store.load().await.expect("it loads").expect("a record")
}

/// Saves over the record of version `expected`; `None`: over none.
pub(crate) async fn save(
    store: &FileCheckpoint,
    checkpoint: &Checkpoint,
    expected: Option<&Version>,
) -> SaveOutcome {
    match expected {
        Some(expected) => store.replace(checkpoint, expected).await,
        None => store.create(checkpoint).await,
    }
}

/// What a save has found that was lost.
pub(crate) fn lost(outcome: SaveOutcome) -> Option<Versioned<Checkpoint>> {
    match outcome {
        SaveOutcome::Lost(found) => found,
        other => panic!("{other:?}"),
    }
}

/// The error, which names `path`.
pub(crate) fn error_naming<T: std::fmt::Debug>(result: Result<T, Error>, path: &Path) -> Error {
    let error = result.expect_err("it fails");
    let name = path.file_name().expect("a name").to_string_lossy();
    assert!(error.detail().contains(&*name), "{}", error.detail());
    error
}

#[tokio::test]
async fn checkpoint_is_loaded_as_saved_also_after_a_restart() {
    let (_folder, path) = folder();
    let store = open(&path).await;
    assert_eq!(store.load().await.unwrap(), None);
    let first = store.create(&checkpoint("a")).await.saved().unwrap();
    let second = store
        .replace(&checkpoint("b"), &first)
        .await
        .saved()
        .unwrap();
    assert_ne!(first, second);
    drop(store);
    let found = stored(&open(&path).await).await;
    assert_eq!((found.value, found.version), (checkpoint("b"), second));
}

#[tokio::test]
async fn checkpoint_save_with_wrong_version_is_lost_and_changes_nothing() {
    let (_folder, path) = folder();
    let store = open(&path).await;
    let never = Version::new("7");
    assert_eq!(lost(store.replace(&checkpoint("x"), &never).await), None);
    assert_eq!(store.load().await.unwrap(), None);

    let first = store.create(&checkpoint("a")).await.saved().unwrap();
    let second = store
        .replace(&checkpoint("b"), &first)
        .await
        .saved()
        .unwrap();
    for expected in [None, Some(&first), Some(&never)] {
        let found = lost(save(&store, &checkpoint("x"), expected).await);
        let found = found.map(|found| (found.value, found.version));
        assert_eq!(found, Some((checkpoint("b"), second.clone())));
    }
    assert_eq!(stored(&store).await.version, second);
    assert_eq!(stored(&store).await.value, checkpoint("b"));
}

#[tokio::test]
async fn checkpoint_error_names_a_missing_folder() {
    let (folder, _) = folder();
    let missing = folder.path().join("nowhere");
    let opened = FileCheckpoint::open(missing.join("checkpoint")).await;
    let error = error_naming(opened, &missing);
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[tokio::test]
async fn checkpoint_that_cannot_be_read_is_a_storage_error() {
    let (folder, _) = folder();
    let path = folder.path().join("a-folder");
    std::fs::create_dir(&path).unwrap();
    let store = open(&path).await;
    let error = error_naming(store.load().await, &path);
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert!(error.detail().contains("name a file"), "{}", error.detail());
}

#[tokio::test]
async fn disk_failure_leaves_the_old_checkpoint() {
    let (_folder, path) = folder();
    let disk = FaultyDisk::default();
    let faulty = FileCheckpoint::open_with(&path, Arc::new(disk.clone()));
    let store = faulty.await.unwrap();
    let version = store.create(&checkpoint("a")).await.saved().unwrap();
    for fault in [
        Fault::Write(Io::StorageFull),
        Fault::Write(Io::Other),
        Fault::Rename(Io::PermissionDenied),
        Fault::Read(Io::PermissionDenied),
    ] {
        disk.set(fault);
        let error = error_naming(
            store.replace(&checkpoint("b"), &version).await.saved(),
            &path,
        );
        assert_eq!(error.kind(), ErrorKind::Storage, "{fault:?}");
        if fault == Fault::Write(Io::StorageFull) {
            assert!(error.detail().contains("free some space"));
        }
        disk.set(None);
        let found = stored(&store).await;
        assert_eq!(found.value, checkpoint("a"), "{fault:?}");
        assert_eq!(found.version, version, "{fault:?}");
    }
    store
        .replace(&checkpoint("c"), &version)
        .await
        .saved()
        .unwrap();
    assert_eq!(stored(&store).await.value, checkpoint("c"));
}

#[tokio::test]
async fn checkpoint_save_succeeds_only_after_the_folder_is_synced() {
    let (_folder, path) = folder();
    let disk = FaultyDisk::default();
    let opened = FileCheckpoint::open_with(&path, Arc::new(disk.clone()));
    let store = opened.await.unwrap();
    disk.set(Fault::SyncFolder(Io::Other));
    let error = error_naming(store.create(&checkpoint("a")).await.saved(), &path);
    assert_eq!(error.kind(), ErrorKind::Storage);
}

#[tokio::test]
async fn checkpoint_is_loaded_only_after_the_folder_is_synced() {
    for fault in [
        Fault::RenamedAllTheSame(Io::Other),
        Fault::SyncFolder(Io::Other),
    ] {
        let (_folder, path) = folder();
        let disk = FaultyDisk::default();
        let opened = FileCheckpoint::open_with(&path, Arc::new(disk.clone()));
        let store = opened.await.unwrap();
        disk.set(fault);
        let unknown = store.create(&checkpoint("a")).await;
        assert!(matches!(unknown, SaveOutcome::Unknown(_)), "{unknown:?}");
        // What a power cut may still undo is not loaded as saved.
        disk.set(Fault::SyncFolder(Io::Other));
        let error = error_naming(store.load().await, &path);
        assert_eq!(error.kind(), ErrorKind::Storage, "{fault:?}");
        disk.set(None);
        assert_eq!(stored(&store).await.value, checkpoint("a"), "{fault:?}");
    }
}

#[tokio::test]
async fn temporary_file_left_by_a_crash_is_harmless() {
    let (folder, path) = folder();
    let store = open(&path).await;
    let version = store.create(&checkpoint("a")).await.saved().unwrap();
    let leftover = folder.path().join("okta.checkpoint.tmp");
    std::fs::write(&leftover, "half a rec").unwrap();
    assert_eq!(stored(&store).await.value, checkpoint("a"));
    store
        .replace(&checkpoint("b"), &version)
        .await
        .saved()
        .unwrap();
    assert_eq!(stored(&store).await.value, checkpoint("b"));
    assert!(!leftover.exists());
}

#[cfg(unix)]
#[tokio::test]
async fn file_permissions_are_owner_only() {
    use std::os::unix::fs::PermissionsExt;

    let (folder, path) = folder();
    let version = open(&path)
        .await
        .create(&checkpoint("a"))
        .await
        .saved()
        .unwrap();
    for (ending, mode) in [("", 0o644), (".tmp", 0o666), (".lock", 0o666)] {
        let file = folder.path().join(format!("okta.checkpoint{ending}"));
        std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(&file)
            .unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
    }
    let store = open(&path).await;
    let mode = |name: &str| {
        let file = folder.path().join(name);
        std::fs::metadata(file).unwrap().permissions().mode() & 0o777
    };
    store.load().await.unwrap();
    assert_eq!(mode("okta.checkpoint"), 0o600, "before it is saved");
    store
        .replace(&checkpoint("b"), &version)
        .await
        .saved()
        .unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.file_name());
    }
}

#[tokio::test]
async fn dropped_checkpoint_save_leaves_old_or_new_and_saving_continues() {
    let (_folder, path) = folder();
    let store = open(&path).await;
    let mut version = store.create(&checkpoint("0")).await.saved().unwrap();
    for polls in 0..40 {
        let cursor = format!("dropped {polls}");
        let dropped = checkpoint(&cursor);
        {
            let mut save = store.replace(&dropped, &version);
            for _ in 0..polls {
                if save
                    .poll_unpin(&mut Context::from_waker(Waker::noop()))
                    .is_ready()
                {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        // A save that has begun is waited for: the record does not change after it was loaded.
        let found = stored(&store).await;
        let is_new = found.value == dropped;
        assert!(is_new || found.version == version, "{polls} polls");
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(stored(&store).await.version, found.version, "{polls} polls");
        let next = checkpoint(&format!("next {polls}"));
        version = store.replace(&next, &found.version).await.saved().unwrap();
        assert_eq!(stored(&store).await.value, next);
    }
}

#[tokio::test]
async fn checkpoint_with_20000_uuids_takes_320_kilobytes() {
    let (_folder, path) = folder();
    let store = open(&path).await;
    let mut big = checkpoint("https://example.okta.com/api/v1/logs?after=1777896000000_1");
    big.dedup = snapshot(20_000);
    store.create(&big).await.saved().unwrap();
    assert_eq!(stored(&store).await.value, big);
    let length = std::fs::metadata(&path).unwrap().len();
    assert!((320_000..320_500).contains(&length), "{length}");
}

#[cfg(unix)]
#[tokio::test]
async fn mode_of_a_file_that_is_no_checkpoint_stays() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let (_folder, path) = folder();
    open(&path)
        .await
        .create(&checkpoint("a"))
        .await
        .saved()
        .unwrap();
    let shared = PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(&path, shared).unwrap();
    open(&path).await.load().await.unwrap();
    assert_eq!(mode(&path), 0o600, "it has positions and uuids");
    std::fs::write(&path, "notes").unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o664)).unwrap();
    let error = open(&path).await.load().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert_eq!(mode(&path), 0o664);
}
