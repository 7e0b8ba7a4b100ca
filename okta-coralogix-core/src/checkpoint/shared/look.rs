//! Reading who holds a log, and where reading goes on, without taking it.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{SharedStore, check_name, window};
use crate::Result;
use crate::checkpoint::{Checkpoint, Version};

/// What the record of a log says. By the time that it is read it may say something else.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LogRecord {
    /// Who holds the log; `None`: it was released.
    pub holder: Option<String>,
    /// How often the log was taken.
    pub term: u64,
    /// Of the record: a holder that lives writes another one every third of `ttl`.
    pub version: Version,
    /// How long the others wait for a change before they take the log.
    pub ttl: Duration,
    /// When the record was written, by the clock of who wrote it.
    pub saved: DateTime<Utc>,
    /// The position, with the window of uuids; `None`: nothing was saved yet.
    pub checkpoint: Option<Checkpoint>,
}

impl SharedStore {
    /// Reads the record of the log of this name. `None`: nobody has held it yet.
    ///
    /// # Errors
    /// `Corrupt` as [`acquire`](Self::acquire); those of the store, which is asked once.
    pub async fn look(&self, name: &str) -> Result<Option<LogRecord>> {
        self.check_times()?;
        check_name(name)?;
        let place = Arc::new(self.place(name));
        let Some((record, version)) = place.look().await? else {
            return Ok(None);
        };
        let checkpoint = match &record.position {
            Some(position) => Some(window::read(&place, position).await?),
            None => None,
        };
        Ok(Some(LogRecord {
            term: record.term,
            version,
            ttl: record.ttl(),
            saved: record.saved,
            holder: record.holder,
            checkpoint,
        }))
    }

    /// Where its objects are, for messages.
    #[must_use]
    pub fn location(&self) -> String {
        self.objects.location()
    }
}
