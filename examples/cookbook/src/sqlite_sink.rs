//! Entries into a table of SQLite, each event once.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use okta_coralogix_core::sink::{Batch, BatchLimits, EncodeError};
use okta_coralogix_core::{Error, ErrorKind, LogEntry, LogSink, Result};
use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use tokio::task::spawn_blocking;

/// The table `events`: the uuid of an event is its key, so that one that comes again changes nothing.
#[derive(Debug, Clone)]
pub struct SqliteSink(Arc<Mutex<Connection>>);

impl SqliteSink {
    /// Opens the database, and makes the table if there is none.
    pub fn open(path: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE IF NOT EXISTS events (uuid TEXT UNIQUE, document TEXT NOT NULL)",
        )?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }
}

#[async_trait]
impl LogSink for SqliteSink {
    fn limits(&self) -> BatchLimits {
        BatchLimits::new(500, 4_000_000)
    }

    // A body of lines: the uuid and the document of an entry.
    fn encode(&self, entries: &[LogEntry]) -> Result<Batch, EncodeError> {
        Batch::fill(entries, self.limits(), |entry, body| {
            entry.check()?;
            let uuid = entry.event_uuid.as_ref().map(|uuid| uuid.plain());
            let document = String::from_utf8_lossy(entry.text.document());
            let written = serde_json::to_writer(&mut *body, &(uuid, document));
            body.push(b'\n');
            written.map_err(|error| EncodeError::Invalid(error.to_string()))
        })
    }

    // One transaction. What it has committed is on the disk.
    async fn send(&self, batch: &Batch) -> Result<()> {
        let (database, body) = (Arc::clone(&self.0), batch.body.clone());
        let stored = spawn_blocking(move || {
            let mut database = database.lock().unwrap_or_else(PoisonError::into_inner);
            let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut insert = transaction
                .prepare("INSERT INTO events VALUES (?, ?) ON CONFLICT (uuid) DO NOTHING")?;
            for line in
                serde_json::Deserializer::from_slice(&body).into_iter::<(Option<String>, String)>()
            {
                insert.execute(
                    line.map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?,
                )?;
            }
            drop(insert);
            transaction.commit()
        });
        stored
            .await
            .map_err(|error| {
                Error::temporary(ErrorKind::Storage, "interrupted").with_source(error)
            })?
            .map_err(failed)
    }
}

/// A row that is refused is refused for good; a database that is locked, full or away may be none the next time.
fn failed(error: rusqlite::Error) -> Error {
    let detail = format!("the database has not taken the events: {error}");
    match error.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig) => {
            Error::new(ErrorKind::Rejected, detail)
        }
        _ => Error::temporary(ErrorKind::Storage, detail),
    }
    .with_source(error)
}
