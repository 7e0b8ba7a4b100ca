//! The ledger of refills: what was meant to be sent, and what became of it, so that no crash sends an event again.
//!
//! An event is *unsent* until the ledger has an intent for it, which is on the disk before the request begins. With a result it is
//! *accepted* or *dead-lettered*, and never sent again, or *not sent*, and so unsent. An intent without a result is *unknown*: its request
//! may have arrived. It stays so until it is found, or two lookups at a distance deny it: then it is sent once more, and not a third time.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use coralogix_sink::query::EventId;
use okta_coralogix_core::internal::{Disk, DiskLock};
use okta_coralogix_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use super::args::LEDGER;

/// Bytes of a ledger that are read, at most: millions of refilled events.
const MAX_BYTES: u64 = 1 << 30;

/// Times that an event is sent, at most: once, and once more if the answer was lost and two lookups deny it.
const MAX_ATTEMPTS: u32 = 2;

/// What is written of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// It is about to be sent.
    Intent,
    /// Coralogix accepted it.
    Accepted,
    /// It is in the dead letters.
    DeadLettered,
    /// It was not sent: too old, or the run ended before.
    NotSent,
    /// A lookup behind the delay did not find it.
    Absent,
}

/// A line of the ledger.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    time: DateTime<Utc>,
    uuid: String,
    run: String,
    state: State,
}

/// What the ledger knows of an event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Known {
    attempts: u32,
    /// The run of the last intent.
    run: String,
    intended: Option<DateTime<Utc>>,
    result: Option<State>,
    absences: u32,
    absent: Option<DateTime<Utc>>,
}

/// What may be done with an event that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    Send,
    /// It was accepted before.
    Accepted,
    DeadLettered,
    /// It may have arrived: another lookup has to deny it first.
    Unknown,
    /// It was sent twice.
    Spent,
}

/// The file, locked for as long as this lives.
#[derive(Debug)]
pub(super) struct Ledger {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    run: String,
    known: HashMap<EventId, Known>,
    _lock: Box<dyn DiskLock>,
}

impl Ledger {
    /// # Errors
    /// `Locked` if another refill uses it, `Storage` if it cannot be read or written.
    pub(super) async fn open(disk: Arc<dyn Disk>, path: &Path, run: String) -> Result<Self> {
        let failed = |error| storage(path, &error);
        let path = disk.resolve(path).await.map_err(failed)?;
        let mut lock = path.as_os_str().to_owned();
        lock.push(".lock");
        let lock = disk
            .lock(Path::new(&lock), Duration::ZERO)
            .await
            .map_err(failed)?;
        let Some(lock) = lock else {
            let detail = format!(
                "{}: another refill uses {}; wait for its end",
                LEDGER.about.flag,
                path.display()
            );
            return Err(Error::new(ErrorKind::Locked, detail));
        };
        let bytes = match disk.read(&path, 0, MAX_BYTES).await {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(storage(&path, &error)),
        };
        let mut ledger = Self {
            disk,
            path,
            run,
            known: HashMap::new(),
            _lock: lock,
        };
        for line in bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            match serde_json::from_slice::<Record>(line) {
                Ok(record) => ledger.learn(&record),
                // An append that a crash has cut off: what it announced did not happen.
                Err(_) => tracing::warn!(
                    "a line of {} is no record, and is passed over",
                    ledger.path.display()
                ),
            }
        }
        // So that the next line is one.
        if !bytes.is_empty() && !bytes.ends_with(b"\n") {
            ledger.append(Bytes::from_static(b"\n")).await?;
        } else if bytes.is_empty() {
            ledger.append(Bytes::new()).await?;
            let folder = ledger.path.parent().unwrap_or(Path::new("/"));
            ledger
                .disk
                .sync_folder(folder)
                .await
                .map_err(|error| storage(&ledger.path, &error))?;
        }
        Ok(ledger)
    }

    /// Writes a state of each event, and syncs it.
    ///
    /// # Errors
    /// `Storage` if it cannot be written: then nothing may be sent.
    pub(super) async fn write(
        &mut self,
        events: &[EventId],
        state: State,
        time: DateTime<Utc>,
    ) -> Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        let records = events.iter().map(|event| Record {
            time,
            uuid: event.to_string(),
            run: self.run.clone(),
            state,
        });
        let records: Vec<_> = records.collect();
        let mut lines = Vec::new();
        for record in &records {
            serde_json::to_writer(&mut lines, record).expect("a record is texts");
            lines.push(b'\n');
        }
        self.append(lines.into()).await?;
        for record in &records {
            self.learn(record);
        }
        Ok(())
    }

    /// What may be done with an event that a lookup does not find at `now`. Writes that it was absent where that counts.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub(super) async fn decide(
        &mut self,
        event: &EventId,
        now: DateTime<Utc>,
        delay: TimeDelta,
    ) -> Result<Decision> {
        let known = self.known.get(event).cloned().unwrap_or_default();
        match known.result {
            Some(State::DeadLettered) => return Ok(Decision::DeadLettered),
            Some(State::Accepted) => return Ok(Decision::Accepted),
            _ if known.attempts == 0 => return Ok(Decision::Send),
            _ => {}
        }
        let since = known
            .absent
            .max(known.intended)
            .unwrap_or(DateTime::UNIX_EPOCH);
        if now.signed_duration_since(since) < delay {
            return Ok(Decision::Unknown);
        }
        self.write(std::slice::from_ref(event), State::Absent, now)
            .await?;
        Ok(match known.absences {
            0 => Decision::Unknown,
            _ if known.attempts >= MAX_ATTEMPTS => Decision::Spent,
            _ => Decision::Send,
        })
    }

    /// What is known of an event that may be missing.
    pub(super) fn cause(&self, event: &EventId) -> Option<coralogix_sink::audit::Cause> {
        use coralogix_sink::audit::Cause;
        let known = self.known.get(event).filter(|known| known.attempts > 0)?;
        match known.result {
            Some(State::Accepted) => Some(Cause::AcceptedNotStored),
            None => Some(Cause::AnswerLost),
            _ => None,
        }
    }

    fn learn(&mut self, record: &Record) {
        let known = self.known.entry(EventId::new(&record.uuid)).or_default();
        match record.state {
            State::Intent => {
                // An intent that was written again in one run is one attempt.
                if known.run != record.run {
                    known.attempts += 1;
                    known.run.clone_from(&record.run);
                }
                (known.intended, known.result) = (Some(record.time), None);
                (known.absences, known.absent) = (0, None);
            }
            State::NotSent => {
                known.attempts = known.attempts.saturating_sub(1);
                (known.run, known.result) = (String::new(), None);
            }
            State::Absent => {
                known.absences += 1;
                known.absent = Some(record.time);
            }
            result => known.result = Some(result),
        }
    }

    async fn append(&self, bytes: Bytes) -> Result<()> {
        let appended = self.disk.append(&self.path, vec![bytes]).await;
        appended.map_err(|error| storage(&self.path, &error))
    }
}

fn storage(path: &Path, error: &io::Error) -> Error {
    let detail = format!(
        "{}: {} cannot be used ({error}); without it nothing is sent",
        LEDGER.about.flag,
        path.display()
    );
    Error::new(ErrorKind::Storage, detail)
}

#[cfg(test)]
mod tests {
    use okta_coralogix_core::internal::OsDisk;

    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    async fn open(path: &Path, run: &str) -> Ledger {
        Ledger::open(Arc::new(OsDisk), path, run.into())
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn event_of_unknown_end_is_sent_again_only_after_two_lookups_and_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        let (event, delay) = (EventId::new("a"), TimeDelta::minutes(30));
        let decided = async |run: &str, minute| {
            let mut ledger = open(&path, run).await;
            ledger.decide(&event, at(minute), delay).await.unwrap()
        };
        assert_eq!(decided("0", 0).await, Decision::Send);
        let intent = async |run: &str, minute| {
            let mut ledger = open(&path, run).await;
            ledger
                .write(std::slice::from_ref(&event), State::Intent, at(minute))
                .await
                .unwrap();
        };
        intent("1", 10).await;
        for (minute, expected) in [
            (20, Decision::Unknown),
            (41, Decision::Unknown),
            (42, Decision::Unknown),
            (72, Decision::Send),
        ] {
            assert_eq!(decided("2", minute).await, expected, "{minute}");
        }
        intent("3", 80).await;
        intent("3", 81).await;
        for (minute, expected) in [
            (120, Decision::Unknown),
            (151, Decision::Spent),
            (500, Decision::Spent),
        ] {
            assert_eq!(decided("4", minute).await, expected, "{minute}");
        }
    }

    #[tokio::test]
    async fn result_of_an_event_is_kept_over_a_torn_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        let ids = ["a", "b", "c"].map(EventId::new);
        {
            let mut ledger = open(&path, "1").await;
            ledger.write(&ids, State::Intent, at(0)).await.unwrap();
            ledger
                .write(&ids[..1], State::Accepted, at(0))
                .await
                .unwrap();
            ledger
                .write(&ids[1..2], State::NotSent, at(0))
                .await
                .unwrap();
            let other = Ledger::open(Arc::new(OsDisk), &path, "x".into()).await;
            assert_eq!(other.unwrap_err().kind(), ErrorKind::Locked);
        }
        let mut text = std::fs::read(&path).unwrap();
        text.extend_from_slice(b"{\"time\":\"1970");
        std::fs::write(&path, text).unwrap();
        for run in ["2", "3"] {
            let mut ledger = open(&path, run).await;
            let delay = TimeDelta::minutes(30);
            let mut decisions = Vec::new();
            for id in &ids {
                decisions.push(ledger.decide(id, at(1), delay).await.unwrap());
            }
            assert_eq!(
                decisions,
                [Decision::Accepted, Decision::Send, Decision::Unknown]
            );
            ledger
                .write(&[EventId::new("d")], State::Accepted, at(2))
                .await
                .unwrap();
        }
    }
}
