//! `FileCheckpoint`: old or new, never half.

use std::io::ErrorKind as Io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::{Context, Waker};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::FutureExt;
use okta_coralogix_core::checkpoint::{
    Checkpoint, CheckpointStore, FileCheckpoint, Version, Versioned,
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
    let first = store.save(&checkpoint("a"), None).await.unwrap();
    let second = store.save(&checkpoint("b"), Some(&first)).await.unwrap();
    assert_ne!(first, second);
    drop(store);
    let found = stored(&open(&path).await).await;
    assert_eq!((found.value, found.version), (checkpoint("b"), second));
}

#[tokio::test]
async fn checkpoint_save_with_wrong_version_conflicts_and_changes_nothing() {
    let (_folder, path) = folder();
    let store = open(&path).await;
    let never = Version("7".into());
    let error = store.save(&checkpoint("x"), Some(&never)).await;
    assert_eq!(error_naming(error, &path).kind(), ErrorKind::Conflict);
    assert_eq!(store.load().await.unwrap(), None);

    let first = store.save(&checkpoint("a"), None).await.unwrap();
    let second = store.save(&checkpoint("b"), Some(&first)).await.unwrap();
    for expected in [None, Some(&first), Some(&never)] {
        let error = store.save(&checkpoint("x"), expected).await;
        assert_eq!(error_naming(error, &path).kind(), ErrorKind::Conflict);
    }
    assert_eq!(stored(&store).await.version, second);
    assert_eq!(stored(&store).await.value, checkpoint("b"));
}

#[tokio::test]
async fn checkpoint_file_truncated_anywhere_is_corrupt() {
    let (_folder, path) = folder();
    let store = open(&path).await;
    store.save(&checkpoint("a"), None).await.unwrap();
    let whole = std::fs::read(&path).unwrap();
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        let error = error_naming(store.load().await, &path);
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{length} bytes");
    }
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(stored(&store).await.value, checkpoint("a"));
}

#[tokio::test]
async fn torn_checkpoint_is_overwritten_only_with_its_known_version() {
    let (_folder, path) = folder();
    let store = open(&path).await;
    let version = store.save(&checkpoint("a"), None).await.unwrap();
    let whole = std::fs::read(&path).unwrap();
    let head = whole.iter().position(|&byte| byte == b'\n').unwrap();
    for length in [0, 1, head] {
        std::fs::write(&path, &whole[..length]).unwrap();
        for expected in [None, Some(&version)] {
            let error = error_naming(store.save(&checkpoint("b"), expected).await, &path);
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{length} bytes");
        }
        assert_eq!(std::fs::read(&path).unwrap(), whole[..length]);
    }
    std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let error = error_naming(store.save(&checkpoint("b"), None).await, &path);
    assert_eq!(error.kind(), ErrorKind::Conflict, "it is no fresh start");
    let saved = store.save(&checkpoint("b"), Some(&version)).await;
    saved.unwrap();
    assert_eq!(stored(&store).await.value, checkpoint("b"));
}

#[tokio::test]
async fn checkpoint_file_with_any_bit_flipped_is_corrupt() {
    let (_folder, path) = folder();
    let store = open(&path).await;
    store.save(&checkpoint("a"), None).await.unwrap();
    let whole = std::fs::read(&path).unwrap();
    for bit in 0..whole.len() * 8 {
        let mut altered = whole.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&path, &altered).unwrap();
        let error = error_naming(store.load().await, &path);
        assert_eq!(error.kind(), ErrorKind::Corrupt, "bit {bit}");
    }
}

#[tokio::test]
async fn checkpoint_file_of_another_format_is_corrupt_with_advice() {
    let (_folder, path) = folder();
    let store = open(&path).await;
    for foreign in [
        "",
        "{}",
        "null",
        "<html></html>",
        r#"{"cursor":"a"}"#,
        "\u{0}\u{0}\u{0}",
        "{\"format\":\"okta-coralogix checkpoint\",\"version\":2,\"generation\":1,\"crc32\":\"\"}\n{}",
    ] {
        std::fs::write(&path, foreign).unwrap();
        let error = error_naming(store.load().await, &path);
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        let detail = error.detail();
        assert!(
            detail.contains("move it away") && detail.contains("--since"),
            "{detail}"
        );
        assert!(!error.is_temporary());
    }
}

#[tokio::test]
async fn checkpoint_error_names_an_unsupported_format_version() {
    let (_folder, path) = folder();
    let store = open(&path).await;
    let ours = env!("CARGO_PKG_VERSION");
    for (version, needs, said) in [
        (
            3,
            r#""needs":"0.9.1","#,
            "needs version 0.9.1 of this program or a later one",
        ),
        (
            7,
            "",
            "needs a later version of this program, the one that wrote it",
        ),
        (0, "", "of which no program is known"),
    ] {
        let other = format!(
            r#"{{"format":"okta-coralogix checkpoint","version":{version},{needs}"other":[],"checkpoint":{{}}}}"#
        );
        std::fs::write(&path, &other).unwrap();
        let version = Version("1".into());
        for error in [
            store.load().await.map(drop),
            store.save(&checkpoint("a"), Some(&version)).await.map(drop),
        ] {
            let error = error_naming(error, &path);
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            assert!(error.detail().contains(said), "{}", error.detail());
            assert!(error.detail().contains(ours), "{}", error.detail());
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), other);
    }
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
    let version = store.save(&checkpoint("a"), None).await.unwrap();
    for fault in [
        Fault::Write(Io::StorageFull),
        Fault::Write(Io::Other),
        Fault::Rename(Io::PermissionDenied),
        Fault::Read(Io::PermissionDenied),
    ] {
        disk.set(fault);
        let error = error_naming(store.save(&checkpoint("b"), Some(&version)).await, &path);
        assert_eq!(error.kind(), ErrorKind::Storage, "{fault:?}");
        if fault == Fault::Write(Io::StorageFull) {
            assert!(error.detail().contains("free some space"));
        }
        disk.set(None);
        let found = stored(&store).await;
        assert_eq!(found.value, checkpoint("a"), "{fault:?}");
        assert_eq!(found.version, version, "{fault:?}");
    }
    store.save(&checkpoint("c"), Some(&version)).await.unwrap();
    assert_eq!(stored(&store).await.value, checkpoint("c"));
}

#[tokio::test]
async fn checkpoint_save_succeeds_only_after_the_folder_is_synced() {
    let (_folder, path) = folder();
    let disk = FaultyDisk::default();
    let opened = FileCheckpoint::open_with(&path, Arc::new(disk.clone()));
    let store = opened.await.unwrap();
    disk.set(Fault::SyncFolder(Io::Other));
    let error = error_naming(store.save(&checkpoint("a"), None).await, &path);
    assert_eq!(error.kind(), ErrorKind::Storage);
}

#[tokio::test]
async fn temporary_file_left_by_a_crash_is_harmless() {
    let (folder, path) = folder();
    let store = open(&path).await;
    let version = store.save(&checkpoint("a"), None).await.unwrap();
    let leftover = folder.path().join("okta.checkpoint.tmp");
    std::fs::write(&leftover, "half a rec").unwrap();
    assert_eq!(stored(&store).await.value, checkpoint("a"));
    store.save(&checkpoint("b"), Some(&version)).await.unwrap();
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
        .save(&checkpoint("a"), None)
        .await
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
    store.save(&checkpoint("b"), Some(&version)).await.unwrap();
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
    let mut version = store.save(&checkpoint("0"), None).await.unwrap();
    for polls in 0..40 {
        let cursor = format!("dropped {polls}");
        let dropped = checkpoint(&cursor);
        {
            let mut save = store.save(&dropped, Some(&version));
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
        version = store.save(&next, Some(&found.version)).await.unwrap();
        assert_eq!(stored(&store).await.value, next);
    }
}

#[tokio::test]
async fn checkpoint_with_20000_uuids_takes_320_kilobytes() {
    let (_folder, path) = folder();
    let store = open(&path).await;
    let mut big = checkpoint("https://example.okta.com/api/v1/logs?after=1777896000000_1");
    big.dedup = snapshot(20_000);
    store.save(&big, None).await.unwrap();
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
        .save(&checkpoint("a"), None)
        .await
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
