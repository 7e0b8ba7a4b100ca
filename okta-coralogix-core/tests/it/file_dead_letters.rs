//! `FileDeadLetters`: nothing is lost, every record stands on a line of its own.

use std::collections::BTreeSet;
use std::io::ErrorKind as Io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use okta_coralogix_core::dead_letter::{
    DeadLetter, DeadLetterReason, DeadLetterRecord, DeadLetters, FileDeadLetters,
};
use okta_coralogix_core::{ErrorKind, Origin};
use proptest::prelude::*;
use serde_json::Value;
use tempfile::TempDir;

use crate::faulty_disk::{Fault, FaultyDisk};

pub(crate) fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("dead-letters.ndjson");
    (folder, path)
}

pub(crate) fn letter(bytes: impl Into<Bytes>) -> DeadLetter {
    let mut origin = Origin::org("example.okta.com");
    origin.stream = Some("to \"coralogix\"".into());
    origin.receive_count = Some(3);
    DeadLetter::new(
        "2026-05-04T12:00:00.123Z".parse().expect("a time"),
        DeadLetterReason::Rejected,
        "HTTP 400: \"bad\"\nentry",
        Arc::new(origin),
        bytes.into(),
    )
}

pub(crate) async fn open(path: &Path) -> FileDeadLetters {
    FileDeadLetters::open(path).await.expect("it opens")
}

/// The records of a file, and the lines that are none.
fn lines(path: &Path) -> (Vec<DeadLetterRecord>, Vec<String>) {
    let text = std::fs::read_to_string(path).expect("a file");
    assert!(text.is_empty() || text.ends_with('\n'));
    let (mut records, mut others) = (Vec::new(), Vec::new());
    for line in text.lines() {
        match serde_json::from_str(line) {
            Ok(record) => records.push(record),
            Err(_) => others.push(line.to_owned()),
        }
    }
    (records, others)
}

fn bytes_in(path: &Path) -> Vec<Bytes> {
    let (records, others) = lines(path);
    assert_eq!(others, Vec::<String>::new());
    records.into_iter().map(|record| record.bytes).collect()
}

#[tokio::test]
async fn dead_letter_record_holds_the_whole_letter() {
    let (_folder, path) = folder();
    let store = open(&path).await;
    store.write(&[letter(r#"{"uuid":1}"#)]).await.unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let line: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        line,
        serde_json::json!({
            "time": "2026-05-04T12:00:00.123Z",
            "reason": "rejected",
            "detail": "HTTP 400: \"bad\"\nentry",
            "origin": {"org": "example.okta.com", "stream": "to \"coralogix\"", "receive_count": 3},
            "event": r#"{"uuid":1}"#,
        })
    );
    let written = letter(r#"{"uuid":1}"#);
    assert_eq!(lines(&path).0, [DeadLetterRecord::from(&written)]);
}

#[tokio::test]
async fn dead_letter_bytes_that_are_not_utf_8_are_base64() {
    let (_folder, path) = folder();
    let store = open(&path).await;
    store.write(&[letter(&b"\xff{}"[..])]).await.unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(r#""event_base64":"/3t9""#), "{text}");
    assert_eq!(bytes_in(&path), [&b"\xff{}"[..]]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn dead_letter_bytes_round_trip(events in prop::collection::vec(
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200).prop_map(Bytes::from),
            any::<String>().prop_map(Bytes::from),
        ],
        1..8,
    )) {
        let (_folder, path) = folder();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let store = open(&path).await;
            let letters: Vec<_> = events.iter().cloned().map(letter).collect();
            store.write(&letters).await.unwrap();
        });
        prop_assert_eq!(bytes_in(&path), events);
    }
}

/// Each handle opens the file anew for each append and has a lock of its own, as another process would.
async fn write_from_many_handles(path: &Path, rotate_at: u64) -> BTreeSet<Bytes> {
    let mut writers = Vec::new();
    for writer in 0..6 {
        let store = FileDeadLetters::builder(path).rotate_at(rotate_at);
        let store = store.open().await.expect("no fault is set");
        writers.push(tokio::spawn(async move {
            for batch in 0..10 {
                let one = |part| letter(format!("{writer} {batch} {part} {}", "x".repeat(500)));
                store
                    .write(&[one('a'), one('b')])
                    .await
                    .expect("no fault is set");
            }
        }));
    }
    for writer in writers {
        writer.await.expect("no fault is set");
    }
    let part = |writer, batch, part| format!("{writer} {batch} {part} {}", "x".repeat(500));
    (0..6)
        .flat_map(|w| (0..10).flat_map(move |b| ['a', 'b'].map(|p| part(w, b, p).into())))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn dead_letter_lines_stay_whole_with_many_handles() {
    let (_folder, path) = folder();
    let written = write_from_many_handles(&path, u64::MAX).await;
    let found = bytes_in(&path);
    assert_eq!(found.len(), written.len());
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), written);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn dead_letter_rotation_by_many_handles_loses_no_record() {
    let (folder, path) = folder();
    let written = write_from_many_handles(&path, 10_000).await;
    let mut found = Vec::new();
    let mut files = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap().path();
        if !entry.to_string_lossy().ends_with(".lock") {
            assert!(std::fs::metadata(&entry).unwrap().len() <= 10_000);
            found.extend(bytes_in(&entry));
            files += 1;
        }
    }
    assert!(files > 5, "{files} files");
    assert_eq!(found.len(), written.len());
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), written);
}

#[tokio::test]
async fn rotation_counts_upward_and_reuses_no_number() {
    let (folder, path) = folder();
    let store = FileDeadLetters::builder(&path)
        .rotate_at(1)
        .open()
        .await
        .unwrap();
    let numbered = |number: u32| folder.path().join(format!("dead-letters.ndjson.{number}"));
    for event in ["a", "b", "c"] {
        store.write(&[letter(event)]).await.unwrap();
    }
    assert_eq!(bytes_in(&numbered(1)), ["a"]);
    assert_eq!(bytes_in(&numbered(2)), ["b"]);
    assert_eq!(bytes_in(&path), ["c"]);

    std::fs::remove_file(numbered(1)).unwrap();
    store.write(&[letter("d")]).await.unwrap();
    assert!(!numbered(1).exists());
    assert_eq!(bytes_in(&numbered(3)), ["c"]);
    assert_eq!(bytes_in(&path), ["d"]);
}

#[tokio::test]
async fn torn_last_line_is_terminated_at_open_and_kept() {
    let (_folder, path) = folder();
    open(&path).await.write(&[letter("a")]).await.unwrap();
    let whole = std::fs::read(&path).unwrap();
    for length in 1..whole.len() {
        std::fs::write(&path, [&whole[..], &whole[..length]].concat()).unwrap();
        let store = open(&path).await;
        store.write(&[letter("b")]).await.unwrap();
        let (records, others) = lines(&path);
        let events: Vec<_> = records.iter().map(|record| &record.bytes[..]).collect();
        if length == whole.len() - 1 {
            // Only the line end was missing.
            assert_eq!(events, [b"a", b"a", b"b"]);
        } else {
            assert_eq!(events, [b"a", b"b"]);
            assert_eq!(others, [String::from_utf8_lossy(&whole[..length])]);
        }
    }
}

#[tokio::test]
async fn torn_line_of_another_process_is_terminated_before_writing() {
    let (_folder, path) = folder();
    let store = open(&path).await;
    std::fs::write(&path, r#"{"time":"#).unwrap();
    store.write(&[letter("a")]).await.unwrap();
    let (records, others) = lines(&path);
    assert_eq!((records.len(), others.len()), (1, 1));
}

#[tokio::test]
async fn full_disk_is_an_error_and_later_letters_are_readable() {
    let (_folder, path) = folder();
    let disk = FaultyDisk::default();
    let store = FileDeadLetters::builder(&path).disk(Arc::new(disk.clone()));
    let store = store.open().await.unwrap();
    disk.set(Fault::Append(Io::StorageFull));
    let error = store.write(&[letter("a"), letter("b")]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert!(!error.is_temporary());
    assert!(error.detail().contains("dead-letters.ndjson"));
    assert!(
        error.detail().contains("the disk is full"),
        "{}",
        error.detail()
    );

    disk.set(None);
    store.write(&[letter("a"), letter("b")]).await.unwrap();
    let (records, others) = lines(&path);
    assert_eq!(records.len(), 3, "the first `a` was written in full");
    assert_eq!(others.len(), 1);
}

#[tokio::test]
async fn disk_failure_is_an_error_that_names_the_file() {
    let (_folder, path) = folder();
    let disk = FaultyDisk::default();
    let store = FileDeadLetters::builder(&path)
        .disk(Arc::new(disk.clone()))
        .rotate_at(1);
    let store = store.open().await.unwrap();
    store.write(&[letter("a")]).await.unwrap();
    for fault in [
        Fault::SyncFolder(Io::Other),
        Fault::Rename(Io::PermissionDenied),
        Fault::Lock,
    ] {
        disk.set(fault);
        let error = store.write(&[letter("b")]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Storage, "{fault:?}");
        assert!(error.detail().contains("dead-letters.ndjson"), "{fault:?}");
    }
}

#[tokio::test]
async fn dead_letter_file_is_checked_for_writing_at_open() {
    let (folder, path) = folder();
    open(&path).await;
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);

    let error = FileDeadLetters::open(folder.path().join("nowhere/letters")).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.detail().contains("nowhere"), "{}", error.detail());

    let error = FileDeadLetters::open(folder.path()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert!(error.detail().contains("name a file"), "{}", error.detail());

    let disk = FaultyDisk::default();
    disk.set(Fault::Append(Io::PermissionDenied));
    let error = FileDeadLetters::builder(&path)
        .disk(Arc::new(disk))
        .open()
        .await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert!(
        error.detail().contains("let this user"),
        "{}",
        error.detail()
    );
}

#[cfg(unix)]
#[tokio::test]
async fn file_permissions_are_owner_only() {
    use std::os::unix::fs::PermissionsExt;

    let (folder, path) = folder();
    for (ending, mode) in [("", 0o644), (".lock", 0o666)] {
        let file = folder.path().join(format!("dead-letters.ndjson{ending}"));
        std::fs::write(&file, "").unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
    }
    let store = FileDeadLetters::builder(&path)
        .rotate_at(1)
        .open()
        .await
        .unwrap();
    store.write(&[letter("a")]).await.unwrap();
    store.write(&[letter("b")]).await.unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.file_name());
    }
}

#[tokio::test]
async fn dead_letter_file_without_room_is_found_at_open_and_left_as_it_is() {
    let (_folder, path) = folder();
    open(&path).await.write(&[letter("a")]).await.unwrap();
    let before = std::fs::read(&path).unwrap();
    open(&path).await;
    assert_eq!(std::fs::read(&path).unwrap(), before, "there is room");
    let disk = FaultyDisk::default();
    disk.set(Fault::NoRoom);
    let full = FileDeadLetters::builder(&path).disk(Arc::new(disk));
    let error = full.open().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert!(error.detail().contains("free some space"), "{error}");
}

/// The number behind the highest that is there, also if another program gave it.
#[tokio::test]
async fn rotation_replaces_no_file_of_another_program() {
    let (folder, path) = folder();
    let other = folder.path().join("dead-letters.ndjson.1");
    let date = folder.path().join("dead-letters.ndjson.20261129");
    for file in [&other, &date] {
        std::fs::write(file, "notes").unwrap();
    }
    let store = FileDeadLetters::builder(&path).rotate_at(1);
    let store = store.open().await.unwrap();
    for event in ["a", "b"] {
        store.write(&[letter(event)]).await.unwrap();
    }
    for file in [&other, &date] {
        assert_eq!(std::fs::read(file).unwrap(), b"notes");
    }
    let rotated = folder.path().join("dead-letters.ndjson.2");
    assert_eq!(bytes_in(&rotated), ["a"]);
}
