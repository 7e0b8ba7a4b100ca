//! Dead letters, given once more.

mod count;

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use okta_coralogix_core::dead_letter::{
    DeadLetter, DeadLetterReason, DeadLetterRecord, DeadLetterSource, DeadLetters, FileDeadLetters,
};
use okta_coralogix_core::filter::{AgeFilter, AgePolicy};
use okta_coralogix_core::pipeline::RunError;
use okta_coralogix_core::testing::conformance::{self, SourceUnderTest};
use okta_coralogix_core::testing::{
    EventGenerator, GeneratedEvent, MemorySink, SinkFault, TestClock,
};
use okta_coralogix_core::{Error, ErrorKind, EventSource, Origin, Outcome, Pipeline, Summary};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::faulty_disk::{Fault, FaultyDisk};
use crate::pipeline::harness::start;

struct Harness {
    folder: TempDir,
    letters: FileDeadLetters,
    disk: FaultyDisk,
    sink: MemorySink,
}

impl Harness {
    async fn new() -> Self {
        Self::rotating_at(200_000).await
    }

    async fn rotating_at(bytes: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let disk = FaultyDisk::default();
        let letters = FileDeadLetters::builder(folder.path().join("letters"))
            .disk(Arc::new(disk.clone()))
            .rotate_at(bytes)
            .open()
            .await
            .unwrap();
        Self {
            folder,
            letters,
            disk,
            sink: MemorySink::new(),
        }
    }

    async fn dead_letter(&self, events: &[Bytes]) {
        let origin = Arc::new(Origin::org("acme"));
        for events in events.chunks(50) {
            let letter = |event: &Bytes| {
                let reason = DeadLetterReason::Rejected;
                DeadLetter::new(start(), reason, "once", Arc::clone(&origin), event.clone())
            };
            let letters: Vec<_> = events.iter().map(letter).collect();
            self.letters.write(&letters).await.unwrap();
        }
    }

    async fn source(&self) -> DeadLetterSource {
        DeadLetterSource::open(&self.letters).await.unwrap()
    }

    async fn replay(&self) -> Result<Summary, RunError> {
        let pipeline = Pipeline::builder(self.source().await, self.sink.clone())
            .dead_letters(self.letters.clone())
            .age_filter(AgeFilter::new(
                AgeFilter::DEFAULT_LIMIT,
                AgePolicy::DeadLetter,
            ))
            .clock(Arc::new(TestClock::starting_at(start())))
            .seed(7);
        let summary = match pipeline.build().unwrap().run(std::future::pending()).await {
            Ok(summary) => summary,
            Err(failed) => {
                assert!(failed.summary.is_balanced(), "{failed:?}");
                return Err(failed);
            }
        };
        assert!(summary.is_balanced(), "{summary:?}");
        Ok(summary)
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let name = |entry: io::Result<std::fs::DirEntry>| entry.unwrap().file_name().into_string();
        let mut names: Vec<_> = entries.map(|entry| name(entry).unwrap()).collect();
        names.retain(|name| !name.ends_with(".lock"));
        names.sort();
        names
    }

    fn records(&self) -> Vec<DeadLetterRecord> {
        records(&self.folder.path().join("letters"))
    }
}

fn records(path: &Path) -> Vec<DeadLetterRecord> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn events(count: usize) -> Vec<GeneratedEvent> {
    let mut generator = EventGenerator::new(11);
    let event = |n: usize| generator.event(start() - TimeDelta::seconds(n as i64));
    (0..count).map(event).collect()
}

fn bytes(events: &[GeneratedEvent]) -> Vec<Bytes> {
    events.iter().map(|event| event.json.clone()).collect()
}

#[tokio::test]
async fn replay_sends_what_it_can_and_keeps_the_rest() {
    let mut harness = Harness::new().await;
    let mut letters = bytes(&events(400));
    let old = EventGenerator::new(3).event(start() - TimeDelta::hours(25));
    let malformed = Bytes::from_static(b"\xff no event");
    let poison = letters[7].clone();
    letters.push(old.json.clone());
    letters.push(malformed.clone());
    // Written twice, as after a crash between writing and settling.
    letters.push(letters[0].clone());
    harness.dead_letter(&letters).await;
    let torn = harness.folder.path().join("letters");
    let whole = std::fs::read(&torn).unwrap();
    std::fs::write(&torn, [&whole[..], b"{\"time\":\"2026-"].concat()).unwrap();
    assert!(
        harness.names().len() > 3,
        "several files: {:?}",
        harness.names()
    );

    let refused = poison.clone();
    harness.sink = MemorySink::new().refusing(move |text| text == refused);
    let summary = harness.replay().await.unwrap();
    assert_eq!(
        (
            summary.received,
            summary.delivered,
            summary.duplicate,
            summary.dead_lettered
        ),
        (404, 399, 1, 4)
    );
    let counts = harness.sink.counts();
    assert_eq!(counts.len(), 399);
    assert!(counts.values().all(|count| *count == 1));
    assert_eq!(harness.names(), ["letters"], "what was read is gone");
    let left: Vec<_> = harness
        .records()
        .into_iter()
        .map(|record| (record.reason, record.bytes, record.origin.org))
        .collect();
    let letter =
        |reason: &str, bytes: &Bytes, org: &str| (reason.to_owned(), bytes.clone(), org.to_owned());
    let expected = [
        letter("too_old", &old.json, "acme"),
        letter("malformed", &malformed, "acme"),
        letter("malformed", &Bytes::from_static(b"{\"time\":\"2026-"), ""),
        letter("rejected", &poison, "acme"),
    ];
    assert_eq!(
        left.into_iter().collect::<HashSet<_>>(),
        expected.into_iter().collect::<HashSet<_>>()
    );
    // Once more: what was left is what there is.
    assert_eq!(harness.replay().await.unwrap().received, 4);
    assert_eq!(harness.records().len(), 4);
}

#[tokio::test]
async fn byte_order_mark_of_an_editor_is_no_part_of_the_first_letter() {
    let harness = Harness::new().await;
    harness.dead_letter(&bytes(&events(3))).await;
    let path = harness.folder.path().join("letters");
    let written = std::fs::read(&path).unwrap();
    std::fs::write(&path, [b"\xef\xbb\xbf", &written[..]].concat()).unwrap();
    // A new process finds letters in it.
    FileDeadLetters::open(&path).await.unwrap();
    let summary = harness.replay().await.unwrap();
    assert_eq!((summary.received, summary.delivered), (3, 3));
    assert_eq!(harness.names(), [""; 0], "each is settled");
}

#[tokio::test(start_paused = true)]
async fn replay_after_a_stop_resumes_without_loss_or_repeat() {
    let harness = Harness::new().await;
    let events = events(1_500);
    harness.dead_letter(&bytes(&events)).await;
    let mut replays = 0;
    loop {
        let so_far = harness.sink.arrived().len();
        // The key is refused after two more requests.
        harness.sink.script([SinkFault::Accept, SinkFault::Accept]);
        harness.sink.script(
            (0..4).map(|_| {
                SinkFault::Refuse(Error::new(ErrorKind::Unauthorized, "the key is refused"))
            }),
        );
        replays += 1;
        match harness.replay().await {
            Ok(_) => break,
            Err(failed) => assert_eq!(failed.error.kind(), ErrorKind::Unauthorized),
        }
        // What the last run did not meet.
        harness.sink.clear_script();
        assert!(
            harness.sink.arrived().len() > so_far || replays < 100,
            "no progress"
        );
    }
    assert!(replays > 1);
    let counts = harness.sink.counts();
    for event in &events {
        assert_eq!(counts.get(&event.json), Some(&1), "{}", event.uuid);
    }
    assert!(harness.names().is_empty(), "{:?}", harness.names());
}

#[tokio::test]
async fn replay_after_a_drop_yields_exactly_the_unsettled_letters() {
    let harness = Harness::new().await;
    let events = events(1_200);
    harness.dead_letter(&bytes(&events)).await;
    let mut source = harness.source().await;
    let first = source.next().await.unwrap().unwrap();
    let second = source.next().await.unwrap().unwrap();
    let settled = first.items.len();
    let outcomes = vec![Outcome::Settled; settled];
    first.acker.settle(&outcomes).await.unwrap();
    drop((second, source));
    let summary = harness.replay().await.unwrap();
    assert_eq!(summary.received as usize, 1_200 - settled);
}

#[tokio::test]
async fn replay_account_that_cannot_be_written_hands_letters_back() {
    let harness = Harness::new().await;
    harness.dead_letter(&bytes(&events(10))).await;
    let mut source = harness.source().await;
    let delivery = source.next().await.unwrap().unwrap();
    let outcomes = vec![Outcome::Settled; 10];
    harness.disk.set(Fault::Append(io::ErrorKind::StorageFull));
    let error = delivery.acker.settle(&outcomes).await.unwrap_err();
    assert!(error.to_string().contains("the disk is full"), "{error}");
    harness.disk.set(None);
    let again = source.next().await.unwrap().unwrap();
    assert_eq!(again.items.len(), 10);
    again.acker.settle(&outcomes).await.unwrap();
    assert!(source.next().await.unwrap().is_none());
}

#[tokio::test]
async fn replay_account_of_an_earlier_file_is_ignored() {
    let harness = Harness::new().await;
    let events = events(20);
    harness.dead_letter(&bytes(&events[..10])).await;
    let mut source = harness.source().await;
    let delivery = source.next().await.unwrap().unwrap();
    delivery
        .acker
        .settle(&[Outcome::Settled; 10])
        .await
        .unwrap();
    drop(source);
    // A crash came between the removal of the file and that of its account.
    let account = harness.folder.path().join("letters.1.replayed");
    let kept = std::fs::read(&account).unwrap();
    assert_eq!(harness.replay().await.unwrap().received, 0);
    std::fs::write(&account, kept).unwrap();
    harness.dead_letter(&bytes(&events[10..])).await;
    assert_eq!(harness.replay().await.unwrap().delivered, 10);
}

#[tokio::test]
async fn replay_in_progress_locks_out_a_second_one() {
    let harness = Harness::new().await;
    let _first = harness.source().await;
    let error = DeadLetterSource::open(&harness.letters).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
}

#[tokio::test]
async fn dead_letter_source_keeps_the_contract() {
    conformance::source(|| async {
        // Each of the files is a delivery.
        let harness = Arc::new(Harness::rotating_at(20_000).await);
        let events = events(200);
        let mut letters = bytes(&events);
        letters.insert(70, "[1, 2]".into());
        harness.dead_letter(&letters).await;
        let uuids = events.into_iter().map(|event| event.uuid);
        let open = move || {
            let harness = Arc::clone(&harness);
            async move { DeadLetterSource::open(&harness.letters).await }
        };
        SourceUnderTest::new(uuids, open).malformed(["[1, 2]"])
    })
    .await;
}

#[tokio::test]
async fn replay_leaves_no_file_behind() {
    let harness = Harness::new().await;
    harness.dead_letter(&bytes(&events(1_400))).await;
    assert_eq!(harness.replay().await.unwrap().delivered, 1_400);
    let rotated: Vec<PathBuf> = std::fs::read_dir(harness.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains("letters."))
        .filter(|path| !path.to_string_lossy().ends_with(".lock"))
        .collect();
    assert!(rotated.is_empty(), "{rotated:?}");
}

/// Its letters are in flight: they are in no other place.
#[tokio::test(start_paused = true)]
async fn replay_keeps_a_file_until_its_last_letter_is_settled() {
    let harness = Harness::new().await;
    harness.dead_letter(&bytes(&events(20))).await;
    let mut source = harness.source().await;
    let first = source.next().await.unwrap().unwrap();
    let file = harness.folder.path().join("letters.1");
    // Time passes only once the source waits for the letters in flight.
    let waits = timeout(Duration::from_secs(60), source.next()).await;
    assert!(waits.is_err(), "it ends before its letters are settled");
    assert!(file.exists(), "removed with letters in flight");
    let outcomes = vec![Outcome::Settled; first.items.len()];
    first.acker.settle(&outcomes).await.unwrap();
    assert!(source.next().await.unwrap().is_none());
    assert!(!file.exists());
}

#[tokio::test]
async fn replay_takes_only_files_that_were_rotated_away() {
    let harness = Harness::new().await;
    let events = bytes(&events(4));
    let letter = |event: &Bytes| {
        let reason = DeadLetterReason::Rejected;
        let letter = DeadLetter::new(start(), reason, "once", Arc::default(), event.clone());
        serde_json::to_string(&DeadLetterRecord::from(&letter)).unwrap()
    };
    harness.dead_letter(&events[..1]).await;
    let kept = letter(&events[1]);
    let line = "{\"time\":\"2026-11-29T12:00:00Z\",\"level\":\"INFO\",\"msg\":\"...\"}\n";
    let other_log = line.repeat((1 << 20) / line.len() + 1);
    let foreign = [
        ("letters.7", "notes of a person\n{}\n"),
        ("letters.8", ""),
        ("letters.10", &*other_log),
        ("letters.20261129", &*kept),
        ("letters.007", &*kept),
        ("letters.+7", &*kept),
        ("letters.7.old", &*kept),
    ];
    for (name, content) in foreign {
        std::fs::write(harness.folder.path().join(name), content).unwrap();
    }
    std::fs::create_dir(harness.folder.path().join("letters.9")).unwrap();
    // Its first line is torn, and the second one is a letter.
    let own = format!("{{\"time\":\"20\n{}\n", letter(&events[2]));
    std::fs::write(harness.folder.path().join("letters.3"), own).unwrap();
    // The second line of this one is longer than what is looked at.
    let large = [b"{", " ".repeat(1 << 20).as_bytes(), &events[3][1..]].concat();
    let own = format!("{{\"time\":\"20\n{}\n", letter(&large.into()));
    let behind = harness.folder.path().join("letters.4");
    std::fs::write(&behind, own).unwrap();
    let summary = harness.replay().await.unwrap();
    assert_eq!((summary.delivered, summary.dead_lettered), (3, 2));
    assert!(!behind.exists());
    for (name, content) in foreign {
        let found = std::fs::read_to_string(harness.folder.path().join(name));
        assert_eq!(found.unwrap(), content, "{name}");
    }
    assert!(harness.folder.path().join("letters.9").is_dir());
}
