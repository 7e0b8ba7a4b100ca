//! A checkpoint whose folder, or file, is away for a while.

use std::path::{Path, PathBuf};

use okta_coralogix_core::checkpoint::{CheckpointStore, FileCheckpoint};
use okta_coralogix_core::{Error, ErrorKind};
use tempfile::TempDir;

use crate::file_checkpoint::{checkpoint, error_naming, folder, lost, open, save, stored};

/// A checkpoint in a folder that can be moved away, and where it is moved to.
async fn movable() -> (TempDir, PathBuf, PathBuf, FileCheckpoint) {
    let folder = tempfile::tempdir().unwrap();
    let (state, away) = (folder.path().join("state"), folder.path().join("away"));
    std::fs::create_dir(&state).unwrap();
    let store = open(&state.join("checkpoint")).await;
    (folder, state, away, store)
}

fn assert_is_away<T: std::fmt::Debug>(result: Result<T, Error>, folder: &Path) {
    let error = error_naming(result, folder);
    assert_eq!(error.kind(), ErrorKind::Storage, "{error}");
    assert!(error.is_temporary(), "{error}");
    assert!(error.detail().contains("mount it"), "{error}");
}

#[tokio::test]
async fn checkpoint_folder_that_is_away_is_a_temporary_fault() {
    for is_mount_point in [false, true] {
        let (_folder, state, away, store) = movable().await;
        let mut version = None;
        for cursor in ["a", "b"] {
            std::fs::rename(&state, &away).unwrap();
            if is_mount_point {
                std::fs::create_dir(&state).unwrap();
            }
            assert_is_away(store.load().await, &state);
            let saved = save(&store, &checkpoint(cursor), version.as_ref()).await;
            assert_is_away(saved.saved(), &state);
            if is_mount_point {
                std::fs::remove_dir(&state).unwrap();
            }
            std::fs::rename(&away, &state).unwrap();
            let saved = save(&store, &checkpoint(cursor), version.as_ref()).await;
            version = Some(saved.saved().unwrap());
            assert_eq!(stored(&store).await.value, checkpoint(cursor));
        }
    }
}

#[tokio::test]
async fn checkpoint_file_removed_from_its_folder_is_a_lost_save() {
    let (_folder, path) = folder();
    let store = open(&path).await;
    let version = store.create(&checkpoint("a")).await.saved().unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(lost(store.replace(&checkpoint("b"), &version).await), None);
    assert_eq!(store.load().await.unwrap(), None);
}
