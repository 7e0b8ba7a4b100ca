//! The object that says who holds a log, and where reading goes on.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::MAX_TTL;
use crate::checkpoint::Checkpoint;
use crate::filter::DedupSnapshot;
use crate::text::sanitize;
use crate::{Error, ErrorKind, Result};

const FORMAT: &str = "okta-coralogix shared checkpoint";
const VERSION: u32 = 1;

/// More is no record: it has a position, and no window.
const MAX_BYTES: usize = 64 * 1024;

/// One record. Each that is written has a nonce of its own, so that two with the same bytes never exist: an ETag may be their digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    format: String,
    version: u32,
    /// Who holds the log; `None`: it was released.
    pub(super) holder: Option<String>,
    /// Who has released it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    released_by: Option<String>,
    /// Who is to take it: the others give it time to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) released_to: Option<String>,
    /// How often the log has changed hands.
    pub(super) term: u64,
    /// The number of this record in its term.
    pub(super) sequence: u64,
    pub(super) nonce: String,
    /// How long others wait for a change before they take the log.
    ttl_ms: u64,
    pub(super) position: Option<Position>,
    /// For people: nothing is decided by it.
    pub(super) saved: DateTime<Utc>,
}

/// Where reading goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Position {
    /// The version of the checkpoint: the nonce of the record in which it was first.
    pub(super) token: String,
    identity: String,
    cursor: String,
    published_ms: Option<i64>,
    /// The object with the window of uuids. It was written before this record, maybe for an earlier position.
    pub(super) window: String,
}

impl Position {
    pub(super) fn new(checkpoint: &Checkpoint, token: String, window: String) -> Self {
        Self {
            token,
            identity: checkpoint.identity.clone(),
            cursor: checkpoint.cursor.clone(),
            published_ms: checkpoint.published_ms,
            window,
        }
    }

    /// With the window that was read.
    pub(super) fn checkpoint(&self, dedup: DedupSnapshot) -> Checkpoint {
        let mut checkpoint = Checkpoint::new(&self.identity, &self.cursor, dedup);
        checkpoint.published_ms = self.published_ms;
        checkpoint
    }
}

/// The members that every version begins with.
#[derive(Deserialize)]
struct Kind {
    format: String,
    version: u32,
}

impl Record {
    /// The first of a term.
    pub(super) fn first(holder: &str, term: u64, ttl: Duration, nonce: String) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            holder: Some(holder.to_owned()),
            released_by: None,
            released_to: None,
            term,
            sequence: 1,
            nonce,
            ttl_ms: in_ms(ttl),
            position: None,
            saved: DateTime::UNIX_EPOCH,
        }
    }

    /// The one after this.
    pub(super) fn next(&self, nonce: String) -> Self {
        Self {
            sequence: self.sequence + 1,
            nonce,
            ..self.clone()
        }
    }

    /// Who has written all records of this term.
    pub(super) fn writer(&self) -> Option<&str> {
        self.holder.as_deref().or(self.released_by.as_deref())
    }

    /// Leaves it to this replica, or to who asks next.
    pub(super) fn release(&mut self, to: Option<&str>) {
        if let Some(holder) = self.holder.take() {
            self.released_by = Some(holder);
            self.released_to = to.map(str::to_owned);
        }
    }

    pub(super) fn ttl(&self) -> Duration {
        Duration::from_millis(self.ttl_ms)
    }

    pub(super) fn set_ttl(&mut self, ttl: Duration) {
        self.ttl_ms = in_ms(ttl);
    }

    /// As it is stored.
    pub(super) fn write(&mut self, now: DateTime<Utc>) -> serde_json::Result<Vec<u8>> {
        self.saved = now;
        serde_json::to_vec(self)
    }

    /// # Errors
    /// `Corrupt`, with what to do, for what is no record of this version.
    pub(super) fn read(bytes: &[u8], location: &str) -> Result<Self> {
        let wrong = |what: String| Error::new(ErrorKind::Corrupt, format!("{location} {what}"));
        let foreign = || {
            wrong("is no shared checkpoint: give the checkpoints a folder (prefix) of their own in the bucket".to_owned())
        };
        if bytes.len() > MAX_BYTES {
            return Err(foreign());
        }
        let kind: Kind = serde_json::from_slice(bytes).map_err(|_| foreign())?;
        if kind.format != FORMAT {
            return Err(foreign());
        }
        if kind.version != VERSION {
            let program = env!("CARGO_PKG_VERSION");
            return Err(wrong(format!(
                "has the format {}, and this program ({program}) reads {VERSION}: start the version that wrote it, on all replicas",
                kind.version
            )));
        }
        let altered = |what: &str| {
            wrong(format!(
                "was altered ({what}): restore it from a version that the bucket has kept, or remove it and its windows to begin anew from `--since`"
            ))
        };
        let record: Self = serde_json::from_slice(bytes)
            .map_err(|error| altered(&sanitize(&error.to_string())))?;
        // A lease of years would be waited for.
        if record.ttl() > MAX_TTL {
            return Err(altered("its lease is longer than one can be"));
        }
        if [record.term, record.sequence].contains(&u64::MAX) {
            return Err(altered("its term or sequence is the last number there is"));
        }
        Ok(record)
    }
}

fn in_ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_that_is_none_says_what_to_do() {
        let mut record = Record::first("a", 1, Duration::from_secs(30), "n".to_owned());
        let position = Checkpoint::new("identity", "cursor", DedupSnapshot::default());
        record.position = Some(Position::new(&position, "n".into(), "w".into()));
        let written = record.write(DateTime::UNIX_EPOCH).unwrap();
        assert!(written.len() < 600, "a few KB with a long cursor");
        assert_eq!(Record::read(&written, "here").unwrap(), record);
        let text = String::from_utf8(written).unwrap();
        for (bytes, says) in [
            (
                String::new(),
                "here is no shared checkpoint: give the checkpoints a folder",
            ),
            (
                "{\"format\":\"other\",\"version\":1}".into(),
                "is no shared checkpoint",
            ),
            (" ".repeat(MAX_BYTES + 1), "is no shared checkpoint"),
            (text[..text.len() / 2].into(), "is no shared checkpoint"),
            (
                text.replace("\"version\":1", "\"version\":7"),
                "has the format 7, and this program",
            ),
            (
                text.replace("cursor", "kursor"),
                "was altered (unknown field `kursor`",
            ),
        ] {
            let error = Record::read(bytes.as_bytes(), "here").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            assert!(error.detail().contains(says), "{error}");
        }
    }
}
