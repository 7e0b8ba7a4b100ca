//! The committer where it is not known whether a save was stored.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use okta_coralogix_core::checkpoint::{
    Checkpoint, CheckpointStore, Committer, ResumePoint, SaveOutcome, Version, Versioned,
};
use okta_coralogix_core::testing::MemoryCheckpoint;
use okta_coralogix_core::{Error, ErrorKind, Outcome, Result};

const SETTLED: &[Outcome] = &[Outcome::Settled];

/// What happens to the next save, which is `Unknown`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    NotStored,
    Stored,
    /// Another process has written in between, this cursor.
    Overtaken(&'static str),
    /// This client's own first attempt makes the second one look lost, and the store does not find out.
    Lost,
}

/// A store over a network that is lost at times.
#[derive(Debug, Default)]
pub(crate) struct Remote {
    memory: MemoryCheckpoint,
    next: Mutex<Option<Fault>>,
    unreadable: AtomicBool,
}

impl Remote {
    async fn committer(self: &Arc<Self>) -> Committer {
        let store = Arc::clone(self) as Arc<dyn CheckpointStore>;
        Committer::open(store, "pages of acme", 10).await.unwrap()
    }

    pub(crate) fn fail_next(&self, fault: Fault) {
        *self.next.lock().unwrap() = Some(fault);
    }

    pub(crate) fn set_unreadable(&self, unreadable: bool) {
        self.unreadable.store(unreadable, Ordering::Relaxed);
    }

    fn stored(&self) -> Option<String> {
        self.memory.stored().map(|record| record.cursor)
    }

    async fn save(&self, record: &Checkpoint, expected: Option<&Version>) -> SaveOutcome {
        match expected {
            Some(expected) => self.memory.replace(record, expected).await,
            None => self.memory.create(record).await,
        }
    }

    async fn scripted(&self, record: &Checkpoint, expected: Option<&Version>) -> SaveOutcome {
        let next = self.next.lock().unwrap().take();
        match next {
            None => return self.save(record, expected).await,
            Some(Fault::NotStored) => {}
            Some(Fault::Stored) => drop(self.save(record, expected).await),
            Some(Fault::Lost) => {
                drop(self.save(record, expected).await);
                return self.save(record, expected).await;
            }
            Some(Fault::Overtaken(cursor)) => {
                let other = Checkpoint::new("pages of acme", cursor, record.dedup.clone());
                drop(self.save(&other, expected).await);
            }
        }
        SaveOutcome::Unknown(lost_connection())
    }
}

#[async_trait]
impl CheckpointStore for Remote {
    async fn load(&self) -> Result<Option<Versioned<Checkpoint>>> {
        match self.unreadable.load(Ordering::Relaxed) {
            true => Err(Error::temporary(
                ErrorKind::RemoteStorage,
                "it cannot be read",
            )),
            false => self.memory.load().await,
        }
    }

    async fn create(&self, record: &Checkpoint) -> SaveOutcome {
        self.scripted(record, None).await
    }

    async fn replace(&self, record: &Checkpoint, expected: &Version) -> SaveOutcome {
        self.scripted(record, Some(expected)).await
    }

    fn location(&self) -> Option<String> {
        Some("s3://bucket/acme".to_owned())
    }
}

fn lost_connection() -> Error {
    Error::temporary(ErrorKind::RemoteStorage, "the connection was lost")
}

async fn settle(committer: &Committer, cursor: &str) -> Result<()> {
    let page = committer.acker(committer.rewinds(), ResumePoint::new(cursor), 1);
    page.settle(SETTLED).await
}

async fn committed(committer: &Committer) -> Result<Option<String>> {
    let point = committer.committed().await?;
    Ok(point.map(|point| point.cursor))
}

#[tokio::test]
async fn unknown_save_that_is_read_back_is_committed() {
    let remote = Arc::new(Remote::default());
    let committer = remote.committer().await;
    for cursor in ["1", "2"] {
        remote.fail_next(Fault::Stored);
        settle(&committer, cursor).await.unwrap();
        assert_eq!(remote.stored().as_deref(), Some(cursor));
    }
    assert!(committer.is_committed(0), "nothing was handed back");
    settle(&committer, "3").await.unwrap();
    assert_eq!(remote.stored().as_deref(), Some("3"));
}

#[tokio::test]
async fn unknown_save_that_is_not_there_hands_the_page_back() {
    let remote = Arc::new(Remote::default());
    let committer = remote.committer().await;
    settle(&committer, "1").await.unwrap();
    remote.fail_next(Fault::NotStored);
    let error = settle(&committer, "2").await.unwrap_err();
    assert_eq!(error.detail(), lost_connection().detail());
    assert_eq!(committer.rewinds(), 1);
    assert_eq!(committed(&committer).await.unwrap().as_deref(), Some("1"));
    settle(&committer, "2").await.unwrap();
    assert_eq!(remote.stored().as_deref(), Some("2"));
}

#[tokio::test]
async fn unknown_save_that_cannot_be_read_back_is_resolved_before_the_next_one() {
    for fault in [Fault::Stored, Fault::NotStored] {
        let remote = Arc::new(Remote::default());
        let committer = remote.committer().await;
        settle(&committer, "1").await.unwrap();
        remote.fail_next(fault);
        remote.set_unreadable(true);
        let error = settle(&committer, "2").await.unwrap_err();
        assert_eq!(error.detail(), lost_connection().detail(), "{fault:?}");
        // Nothing is decided, and nothing saved, while it is not known.
        let saves = remote.memory.saves();
        for unknown in [
            settle(&committer, "3").await,
            committed(&committer).await.map(drop),
            committer.close(None).await,
        ] {
            assert_eq!(unknown.unwrap_err().detail(), "it cannot be read");
        }
        assert_eq!(remote.memory.saves(), saves, "{fault:?}");
        remote.set_unreadable(false);
        let expected = if fault == Fault::Stored { "2" } else { "1" };
        assert_eq!(
            committed(&committer).await.unwrap().as_deref(),
            Some(expected)
        );
        settle(&committer, "3").await.unwrap();
        assert_eq!(remote.stored().as_deref(), Some("3"));
    }
}

#[tokio::test]
async fn unknown_save_that_another_process_has_overtaken_stops_the_committer() {
    // Also one that has read as far, and knows other uuids: the window is part of what is compared.
    for other in ["other", "2"] {
        let remote = Arc::new(Remote::default());
        let committer = remote.committer().await;
        settle(&committer, "1").await.unwrap();
        let page = committer.acker(0, ResumePoint::new("2").with_published_ms(Some(7)), 1);
        remote.fail_next(Fault::Overtaken(other));
        let error = page.settle(SETTLED).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(error.detail().contains("s3://bucket/acme"), "{error}");
        let saves = remote.memory.saves();
        for stopped in [
            settle(&committer, "3").await,
            committer.close(None).await,
            committed(&committer).await.map(drop),
        ] {
            assert_eq!(stopped.unwrap_err().kind(), ErrorKind::Conflict);
        }
        assert_eq!(remote.stored().as_deref(), Some(other));
        assert_eq!(remote.memory.saves(), saves);
    }
}

#[tokio::test]
async fn lost_save_is_never_taken_for_an_own_one() {
    let remote = Arc::new(Remote::default());
    let committer = remote.committer().await;
    settle(&committer, "1").await.unwrap();
    remote.fail_next(Fault::Lost);
    let error = settle(&committer, "2").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let error = committed(&committer).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "it may be another's");
}
