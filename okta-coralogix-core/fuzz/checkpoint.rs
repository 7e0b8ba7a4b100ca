//! The checkpoint file: what is no record is an error and never a fresh start, what is one survives.
//!
//! The first byte says what the rest is: the file itself, what stands behind the first line of one whose checksum is right,
//! or the strings of a record to be saved.

#![no_main]

mod memory_disk;

use std::cell::RefCell;
use std::sync::Arc;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use okta_coralogix_core::checkpoint::{Checkpoint, CheckpointStore, FileCheckpoint};
use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::internal::Claim;
use okta_coralogix_core::{ErrorKind, Result};
use tokio::runtime::{Builder, Runtime};

use self::memory_disk::MemoryDisk;

thread_local! {
    static RUNTIME: RefCell<Runtime> = RefCell::new(
        Builder::new_current_thread().build().expect("a runtime needs nothing"),
    );
}

/// Up to so many bytes of a saved record are altered one by one.
const ALTERED: usize = 4;

fuzz_target!(|data: &[u8]| {
    let Some((mode, rest)) = data.split_first() else {
        return;
    };
    RUNTIME.with_borrow(|runtime| {
        runtime.block_on(async {
            match mode {
                b's' => saved(rest).await,
                b'c' => loaded(&with_checksum(rest)).await,
                _ => loaded(rest).await,
            }
        });
    });
});

const PATH: &str = "checkpoint";

async fn opened(disk: &MemoryDisk) -> FileCheckpoint {
    let opened = FileCheckpoint::open_with(PATH, Arc::new(disk.clone())).await;
    opened.expect("nothing is wrong with the disk")
}

/// A file with these bytes is a record that can be saved again, or is said to be none.
async fn loaded(bytes: &[u8]) {
    let disk = MemoryDisk::default();
    let stored = Bytes::copy_from_slice(bytes);
    disk.files().insert(PATH.into(), stored.clone());
    let store = opened(&disk).await;
    match store.load().await {
        Ok(None) => panic!("a file that is there was taken for none"),
        Ok(Some(record)) => {
            let next = store.replace(&record.value, &record.version).await.saved();
            let next = next.expect("what was read can be written");
            assert_ne!(next, record.version);
            let again = store
                .load()
                .await
                .expect("it was written")
                .expect("it is there");
            assert_eq!((again.value, again.version), (record.value, next));
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            // A fresh start must not overwrite it.
            let fresh = Checkpoint::new("o", "c", DedupWindow::default().snapshot());
            assert!(store.create(&fresh).await.saved().is_err());
            assert_eq!(disk.files()[std::path::Path::new(PATH)], stored);
        }
    }
}

/// A file around a position and a window, as it would be if those were good.
fn with_checksum(body: &[u8]) -> Vec<u8> {
    let mut hash = crc32fast::Hasher::new();
    hash.update(b"okta-coralogix checkpoint\n2\n7\n");
    hash.update(body);
    let head = format!(
        r#"{{"format":"okta-coralogix checkpoint","version":2,"generation":7,"crc32":"{:08x}"}}"#,
        hash.finalize()
    );
    [head.as_bytes(), b"\n", body].concat()
}

/// A record of these strings survives, and no altered byte of it goes unseen.
async fn saved(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut parts = text.split('\n');
    let (owner, cursor) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    let dedup = DedupWindow::new(100);
    let uuids: Vec<&str> = parts.collect();
    for uuid in &uuids {
        if let Claim::New(held) = dedup.claim(uuid) {
            held.remember();
        }
    }
    let mut record = Checkpoint::new(owner, cursor, dedup.snapshot());
    record.published_ms = (bytes.len() % 2 == 0).then_some(-1);

    let disk = MemoryDisk::default();
    let store = opened(&disk).await;
    store
        .create(&record)
        .await
        .saved()
        .expect("anything can be saved");
    let loaded = load(&store).await.expect("it was saved");
    assert_eq!(loaded, record);
    let restored = DedupWindow::restore(&loaded.dedup, 100);
    for uuid in uuids.iter().rev().take(100) {
        assert!(restored.contains(uuid), "{uuid:?} was forgotten");
    }

    let whole = disk.files()[std::path::Path::new(PATH)].clone();
    let mut at = bytes.iter().fold(1, |sum: usize, byte| {
        sum.wrapping_mul(31) + usize::from(*byte)
    });
    for _ in 0..ALTERED {
        at %= whole.len();
        let mut altered = whole.to_vec();
        altered[at] ^= 1 << (at % 8);
        disk.files().insert(PATH.into(), altered.into());
        assert!(load(&store).await.is_err(), "byte {at} was altered unseen");
        disk.files().insert(PATH.into(), whole.slice(..at));
        assert!(load(&store).await.is_err(), "cut at {at} unseen");
        at = at.wrapping_mul(31) + 7;
    }
}

async fn load(store: &FileCheckpoint) -> Result<Checkpoint> {
    Ok(store.load().await?.expect("the file is there").value)
}
