//! The letters of a replay are counted beforehand.

use std::io::Write;

use okta_coralogix_core::dead_letter::FileDeadLetters;
use okta_coralogix_core::{Error, ErrorKind, EventSource, Outcome};

use super::{Harness, bytes, events};

#[tokio::test]
async fn letters_are_counted_while_they_are_written_and_nothing_changes() {
    let harness = Harness::new().await;
    harness.dead_letter(&bytes(&events(400))).await;
    let path = harness.folder.path().join("letters");
    let count = || async {
        let counts = FileDeadLetters::builder(&path).count().await?;
        Ok::<_, Error>(counts.values().sum::<u64>())
    };
    let before = harness.names();
    assert!(before.len() > 2, "some are rotated away: {before:?}");
    assert_eq!(count().await.unwrap(), 400);
    assert_eq!(harness.names(), before);
    let mut source = harness.source().await;
    let first = source.next().await.unwrap().unwrap();
    let settled = first.items.len();
    first
        .acker
        .settle(&vec![Outcome::Settled; settled])
        .await
        .unwrap();
    assert_eq!(count().await.unwrap_err().kind(), ErrorKind::Locked);
    drop(source);
    harness.dead_letter(&bytes(&events(1))).await;
    // Half of a letter is one that is being written.
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(&path)
        .unwrap();
    file.write_all(b"{\"time\":").unwrap();
    assert_eq!(count().await.unwrap(), 400 - settled as u64 + 1);
}
