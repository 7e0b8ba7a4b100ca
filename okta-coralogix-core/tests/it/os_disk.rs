//! The operating system's disk: what cannot be simulated of it.
//!
//! A write is durable only once it is synced, which no reader of a file can see. Linux refuses to sync what has nothing to be synced, a
//! device or a folder of `/proc`: there an operation fails that syncs, and one that never syncs succeeds.
#![cfg(target_os = "linux")]

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use okta_coralogix_core::checkpoint::FileCheckpoint;
use okta_coralogix_core::dead_letter::FileDeadLetters;
use okta_coralogix_core::internal::{Disk, OsDisk};

#[tokio::test]
async fn append_syncs_the_file() {
    let lines = vec![Bytes::from_static(b"line\n")];
    let appended = OsDisk.append(Path::new("/dev/null"), lines).await;
    assert_eq!(appended.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn folder_is_synced() {
    let synced = OsDisk.sync_folder(Path::new("/proc")).await;
    assert_eq!(synced.unwrap_err().kind(), ErrorKind::InvalidInput);
}

/// The bytes go through a pipe, which shows them and cannot be synced either: what is written and what is synced is one file.
#[tokio::test]
async fn append_syncs_behind_its_last_byte() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let reader = {
        let pipe = pipe.clone();
        std::thread::spawn(move || std::fs::read(pipe).unwrap())
    };
    let lines = vec![Bytes::from_static(b"one\n"), Bytes::from_static(b"two\n")];
    let appended = OsDisk.append(&pipe, lines).await;
    assert_eq!(appended.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(reader.join().unwrap(), b"one\ntwo\n");
}

/// Opening a pipe without a reader or a writer would wait for ever.
#[tokio::test]
async fn what_is_no_file_is_refused_before_it_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let made = std::process::Command::new("mkfifo")
        .arg(path("pipe"))
        .status();
    assert!(made.unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
    for (link, target) in [("link", "pipe"), ("to-file", "file")] {
        std::os::unix::fs::symlink(path(target), path(link)).unwrap();
    }
    std::fs::write(path("file"), "1").unwrap();
    for refused in [
        path("pipe"),
        path("link"),
        path("socket"),
        "/dev/null".into(),
    ] {
        let errors = [
            OsDisk.resolve(&refused).await.err(),
            OsDisk.read(&refused, 0, 1).await.err(),
            OsDisk.lock(&refused, Duration::ZERO).await.err(),
            FileCheckpoint::open(&refused)
                .await
                .err()
                .map(std::io::Error::other),
            FileDeadLetters::open(&refused)
                .await
                .err()
                .map(std::io::Error::other),
        ];
        for error in errors {
            let error = error.unwrap().to_string();
            let expected = "it is a pipe, a device or a socket, not a file";
            assert!(error.contains(expected), "{error}");
        }
    }
    for lock in ["letters.lock", "position.lock"] {
        std::os::unix::fs::symlink(path("pipe"), path(lock)).unwrap();
    }
    let error = FileCheckpoint::open(path("position")).await.unwrap_err();
    assert!(
        error.to_string().ends_with("not a file): name a file"),
        "{error}"
    );
    FileDeadLetters::open(path("letters")).await.unwrap_err();
    OsDisk.resolve(&path("to-file")).await.unwrap();
    assert_eq!(OsDisk.read(&path("to-file"), 0, 1).await.unwrap(), b"1");
}

#[tokio::test]
async fn room_is_checked_without_a_change() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    OsDisk.check_room(&file, 10_000).await.unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), b"", "it was missing");
    std::fs::write(&file, "half a line").unwrap();
    OsDisk.check_room(&file, 10_000).await.unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), b"half a line");
    let full = OsDisk.check_room(Path::new("/dev/full"), 1).await;
    assert_eq!(full.unwrap_err().kind(), ErrorKind::StorageFull);
}

#[tokio::test]
async fn file_is_closed_to_others_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    OsDisk.close_to_others(&file).await.unwrap();
    std::fs::write(&file, "").unwrap();
    for mode in [0o600, 0o640, 0o644, 0o666, 0o777, 0o604] {
        std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
        OsDisk.close_to_others(&file).await.unwrap();
        let now = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(now & 0o077, 0, "{mode:o}");
    }
    // A file system that keeps its own modes.
    let kept = OsDisk.close_to_others(Path::new("/proc/self/oom_score_adj"));
    let error = kept.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("mode is 0644"), "{error}");
    let device = std::fs::metadata("/dev/null").unwrap().permissions();
    OsDisk
        .close_to_others(Path::new("/dev/null"))
        .await
        .unwrap();
    let now = std::fs::metadata("/dev/null").unwrap().permissions();
    assert_eq!(now, device, "a device is not ours to change");
}
