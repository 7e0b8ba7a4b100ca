//! Files that version 0.1.0 wrote before its names were settled: what is a format stays readable.
//!
//! `tests/formats` was written by that code, once, with `write_the_files`. It is not written anew: a change that makes one
//! of these tests fail takes the position or the dead letters from users who upgrade.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use okta_coralogix_core::checkpoint::{Checkpoint, CheckpointStore, FileCheckpoint};
use okta_coralogix_core::dead_letter::{
    DeadLetter, DeadLetterReason, DeadLetterRecord, DeadLetterSource, DeadLetters, FileDeadLetters,
};
use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::internal::Claim;
use okta_coralogix_core::testing::EventGenerator;
use okta_coralogix_core::{Acker, ErrorKind, EventSource, Origin, Outcome};

use crate::pipeline::harness::start;

const UUIDS: [&str; 3] = [
    "c6ed294a-fef4-11ed-a5b1-bbb7c1de1a4b",
    "a uuid that is none",
    "00000000-0000-0000-0000-000000000001",
];

fn formats() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats")
}

/// A copy of the files, since reading them locks and moves them.
fn copied() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(formats()).unwrap() {
        let from = entry.unwrap().path();
        std::fs::copy(&from, folder.path().join(from.file_name().unwrap())).unwrap();
    }
    folder
}

fn checkpoint() -> Checkpoint {
    let dedup = DedupWindow::default();
    for uuid in UUIDS {
        if let Claim::New(held) = dedup.claim(uuid) {
            held.remember();
        }
    }
    let identity = "okta-system-log https://example.okta.com";
    let cursor = "/api/v1/logs?after=1777896000000_1&limit=1000";
    let mut checkpoint = Checkpoint::new(identity, cursor, dedup.snapshot());
    checkpoint.published_ms = Some(1_777_896_000_000);
    checkpoint
}

fn letters() -> Vec<DeadLetter> {
    let mut origin = Origin::org("example.okta.com");
    origin.stream = Some("to \"coralogix\"".into());
    origin.receive_count = Some(3);
    let origin = Arc::new(origin);
    let mut generator = EventGenerator::new(11);
    let mut bytes: Vec<_> = (0..3).map(|_| generator.event(start()).json).collect();
    bytes.push(bytes::Bytes::from_static(b"\xff no event"));
    let reasons = [
        DeadLetterReason::Rejected,
        DeadLetterReason::TooLarge,
        DeadLetterReason::Unmappable,
        DeadLetterReason::Malformed,
    ];
    let letter =
        |(bytes, reason)| DeadLetter::new(start(), reason, "why", Arc::clone(&origin), bytes);
    bytes.into_iter().zip(reasons).map(letter).collect()
}

async fn next_batch(source: &mut DeadLetterSource) -> (Vec<bytes::Bytes>, Box<dyn Acker>) {
    let delivery = source.next().await.unwrap().expect("letters");
    let bytes = |item: Result<
        okta_coralogix_core::RawEvent,
        okta_coralogix_core::MalformedEvent,
    >| match item {
        Ok(event) => event.document().clone(),
        Err(malformed) => malformed.bytes,
    };
    (
        delivery.items.into_iter().map(bytes).collect(),
        delivery.acker,
    )
}

#[tokio::test]
async fn checkpoint_from_an_earlier_release_is_read() {
    let folder = copied();
    let store = FileCheckpoint::open(folder.path().join("okta.checkpoint"))
        .await
        .unwrap();
    let stored = store.load().await.unwrap().expect("a record");
    assert_eq!(stored.value, checkpoint());
    let json = std::fs::read_to_string(formats().join("checkpoint.json")).unwrap();
    assert_eq!(
        serde_json::from_str::<Checkpoint>(&json).unwrap(),
        checkpoint()
    );
    assert_eq!(
        serde_json::to_string(&checkpoint()).unwrap(),
        json.trim_end()
    );
    store
        .replace(&stored.value, &stored.version)
        .await
        .saved()
        .unwrap();
    let saved = std::fs::read(store.path()).unwrap();
    let old = std::fs::read(formats().join("okta.checkpoint")).unwrap();
    let body = |record: &[u8]| {
        record
            .splitn(2, |byte| *byte == b'\n')
            .nth(1)
            .map(<[u8]>::to_vec)
    };
    assert_eq!(body(&saved), body(&old), "and written as before");
}

/// Version 1 is older than 0.1.0.
#[tokio::test]
async fn checkpoint_of_version_1_is_read_and_saved_as_the_present_one() {
    let folder = copied();
    let path = folder.path().join("okta.checkpoint.v1");
    let whole = std::fs::read(&path).unwrap();
    let store = FileCheckpoint::open(&path).await.unwrap();
    let stored = store.load().await.unwrap().expect("a record");
    assert_eq!(stored.value, checkpoint());
    assert_eq!(stored.version.as_str(), "41");
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        let error = store.load().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{length} bytes");
    }
    let altered = String::from_utf8(whole.clone())
        .unwrap()
        .replace("_1&", "_2&");
    std::fs::write(&path, altered).unwrap();
    let error = store.load().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");

    std::fs::write(&path, whole).unwrap();
    let saved = store.replace(&stored.value, &stored.version).await.saved();
    assert_eq!(saved.unwrap().as_str(), "42");
    let head = std::fs::read(&path).unwrap();
    let version = head.windows(11).any(|part| part == br#""version":2"#);
    assert!(version, "migrated");
    let again = store.load().await.unwrap().expect("a record");
    assert_eq!(again.value, checkpoint());
}

#[tokio::test]
async fn dead_letters_from_an_earlier_release_are_read() {
    let folder = copied();
    std::fs::remove_file(folder.path().join("letters.1.replayed")).unwrap();
    let store = FileDeadLetters::open(folder.path().join("letters"))
        .await
        .unwrap();
    let mut source = DeadLetterSource::open(&store).await.unwrap();
    let (given, _acker) = next_batch(&mut source).await;
    let written: Vec<_> = letters().into_iter().map(|letter| letter.bytes).collect();
    assert_eq!(given, written);
}

#[tokio::test]
async fn replay_account_from_an_earlier_release_is_read() {
    let folder = copied();
    let store = FileDeadLetters::open(folder.path().join("letters"))
        .await
        .unwrap();
    let mut source = DeadLetterSource::open(&store).await.unwrap();
    let (given, acker) = next_batch(&mut source).await;
    let written: Vec<_> = letters().into_iter().map(|letter| letter.bytes).collect();
    assert_eq!(
        given,
        [written[1].clone(), written[3].clone()],
        "two were settled"
    );
    acker.settle(&[Outcome::Settled; 2]).await.unwrap();
    assert!(source.next().await.unwrap().is_none());
}

#[tokio::test]
#[ignore = "it has written tests/formats, once"]
async fn write_the_files() {
    let folder = formats();
    let store = FileCheckpoint::open(folder.join("okta.checkpoint"))
        .await
        .unwrap();
    store.create(&checkpoint()).await.saved().unwrap();
    let json = serde_json::to_string(&checkpoint()).unwrap();
    std::fs::write(folder.join("checkpoint.json"), json + "\n").unwrap();
    let store = FileDeadLetters::open(folder.join("letters")).await.unwrap();
    store.write(&letters()).await.unwrap();
    let mut source = DeadLetterSource::open(&store).await.unwrap();
    let (_, acker) = next_batch(&mut source).await;
    let [settled, back] = [Outcome::Settled, Outcome::HandedBack];
    acker.settle(&[settled, back, settled, back]).await.unwrap();
}

#[test]
fn dead_letter_says_so_where_its_event_may_have_arrived() {
    let origin = Arc::new(Origin::org("example.okta.com"));
    let reason = DeadLetterReason::Blocked;
    let mut letter = DeadLetter::new(start(), reason, "500", origin, "{}".into());
    let line =
        |letter: &DeadLetter| serde_json::to_string(&DeadLetterRecord::from(letter)).unwrap();
    assert!(!line(&letter).contains("may_have_arrived"));
    letter.may_have_arrived = true;
    let written = line(&letter);
    assert!(written.contains(r#""reason":"blocked""#), "{written}");
    assert!(written.contains(r#""may_have_arrived":true"#), "{written}");
    let read: DeadLetterRecord = serde_json::from_str(&written).unwrap();
    assert!(read.may_have_arrived);
}
