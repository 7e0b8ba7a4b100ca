//! Sinks that break one rule each do not pass; one that keeps a single copy of each event does.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use okta_coralogix_core::sink::{Batch, BatchLimits, ContentEncoding, EncodeError};
use okta_coralogix_core::testing::MemorySink;
use okta_coralogix_core::{Error, ErrorKind, LogEntry, LogSink, Result};
use tokio::task::yield_now;

use super::own::{check, check_with};
use super::violates;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    TakesNone,
    /// Only the number of entries is looked at.
    BytesIgnored,
    /// An entry that fits no request is sent as a request of its own.
    OversizedAccepted,
    ErrorSwallowed,
    RefusalRetried,
    /// A lost answer is a 400.
    AmbiguousAsRefusal,
    /// `send` puts its batch where all of them do.
    BodiesMixedUp,
    /// `send` puts its result where all of them do.
    ResultsMixedUp,
    /// A batch whose answer was lost is not sent again.
    LostOneNotRepeated,
    /// Of a batch that is refused the entries before the one at fault are accepted.
    BeforeTheRefusedAccepted,
    /// Of a batch that is full and refused all but the one at fault are accepted.
    RestOfAFullBatchAccepted,
    ClosedForGood,
}

#[derive(Debug)]
struct Broken {
    sink: MemorySink,
    flaw: Flaw,
    body: Mutex<Option<Batch>>,
    refused: Mutex<bool>,
    lost: Mutex<Vec<bytes::Bytes>>,
    /// The entries of the batch that was encoded last.
    encoded: Mutex<Vec<LogEntry>>,
    closed: AtomicBool,
}

impl Broken {
    /// Sends the entries of the last batch one by one, until one is refused or, if it goes on, all of them.
    async fn send_each(&self, goes_on: bool) {
        let entries = self.encoded.lock().unwrap().clone();
        for entry in entries {
            let batch = self.sink.encode(&[entry]).unwrap();
            if self.sink.send(&batch).await.is_err() && !goes_on {
                break;
            }
        }
    }
}

const LIMITS: BatchLimits = BatchLimits::new(100, 100_000);

/// Takes whatever number of bytes.
fn any_size(entries: &[LogEntry]) -> Result<Batch, EncodeError> {
    let limits = BatchLimits::new(LIMITS.entries, usize::MAX);
    MemorySink::with_limits(limits).encode(entries)
}

#[async_trait]
impl LogSink for Broken {
    fn limits(&self) -> BatchLimits {
        LIMITS
    }

    fn encode(&self, entries: &[LogEntry]) -> Result<Batch, EncodeError> {
        let encoded = self.sink.encode(entries);
        let taken = encoded.as_ref().map_or(0, |batch| batch.entries);
        *self.encoded.lock().unwrap() = entries[..taken].to_vec();
        match (self.flaw, encoded) {
            (Flaw::TakesNone, Ok(_)) => self.sink.encode(&[]),
            (Flaw::BytesIgnored, _) => any_size(entries),
            (Flaw::OversizedAccepted, Err(_)) => any_size(&entries[..1]),
            (_, encoded) => encoded,
        }
    }

    async fn send(&self, batch: &Batch) -> Result<()> {
        match self.flaw {
            Flaw::BodiesMixedUp => {
                *self.body.lock().unwrap() = Some(batch.clone());
                yield_now().await;
                let batch = self.body.lock().unwrap().clone().unwrap();
                return self.sink.send(&batch).await;
            }
            Flaw::LostOneNotRepeated if self.lost.lock().unwrap().contains(&batch.body) => {
                return Err(Error::temporary(ErrorKind::Unavailable, "it was sent"));
            }
            Flaw::ClosedForGood if self.closed.load(Ordering::Relaxed) => {
                return Err(Error::temporary(ErrorKind::Unavailable, "it is closed"));
            }
            _ => {}
        }
        let result = self.sink.send(batch).await;
        let is_refused = matches!(&result, Err(error) if error.kind() == ErrorKind::Rejected);
        match self.flaw {
            Flaw::BeforeTheRefusedAccepted if is_refused => self.send_each(false).await,
            Flaw::RestOfAFullBatchAccepted if is_refused && batch.entries == LIMITS.entries => {
                self.send_each(true).await;
            }
            _ => {}
        }
        if self.flaw == Flaw::ResultsMixedUp {
            *self.refused.lock().unwrap() = result.is_err();
            yield_now().await;
            if *self.refused.lock().unwrap() {
                return Err(result.err().unwrap_or_else(rejected));
            }
            return Ok(());
        }
        if result.as_ref().is_err_and(Error::is_ambiguous) {
            self.lost.lock().unwrap().push(batch.body.clone());
        }
        match result {
            Err(_) if self.flaw == Flaw::ErrorSwallowed => Ok(()),
            Err(error) if self.flaw == Flaw::AmbiguousAsRefusal && error.is_ambiguous() => {
                Err(rejected())
            }
            Err(error) if self.flaw == Flaw::RefusalRetried => {
                Err(Error::temporary(error.kind(), error.detail()))
            }
            result => result,
        }
    }

    async fn close(&self) -> Result<()> {
        self.closed.store(true, Ordering::Relaxed);
        Ok(())
    }
}

/// Compresses what it encodes, and nothing else.
#[derive(Debug)]
struct CompressesInEncode(MemorySink);

#[async_trait]
impl LogSink for CompressesInEncode {
    fn limits(&self) -> BatchLimits {
        LIMITS
    }

    fn encode(&self, entries: &[LogEntry]) -> Result<Batch, EncodeError> {
        let mut batch = self.0.encode(entries)?;
        batch.content_encoding = ContentEncoding::Gzip;
        Ok(batch)
    }

    fn compress(&self, batch: Batch) -> Batch {
        assert_eq!(batch.content_encoding, ContentEncoding::Identity);
        batch
    }

    async fn send(&self, batch: &Batch) -> Result<()> {
        self.0.send(batch).await
    }
}

#[tokio::test(start_paused = true)]
async fn sink_that_compresses_what_it_encodes_passes() {
    let memory = MemorySink::with_limits(LIMITS);
    check(&CompressesInEncode(memory.clone()), &memory).await;
}

fn rejected() -> Error {
    Error::new(ErrorKind::Rejected, "rejected")
}

#[tokio::test(start_paused = true)]
async fn broken_sink_fails_with_the_rule_that_it_breaks() {
    for (flaw, number) in [
        (Flaw::TakesNone, 1),
        (Flaw::BytesIgnored, 2),
        (Flaw::OversizedAccepted, 3),
        (Flaw::ErrorSwallowed, 4),
        (Flaw::RefusalRetried, 5),
        (Flaw::AmbiguousAsRefusal, 6),
        (Flaw::BodiesMixedUp, 7),
        (Flaw::ResultsMixedUp, 7),
        (Flaw::LostOneNotRepeated, 8),
        (Flaw::BeforeTheRefusedAccepted, 5),
        (Flaw::RestOfAFullBatchAccepted, 5),
        (Flaw::ClosedForGood, 9),
    ] {
        let memory = MemorySink::with_limits(LIMITS);
        let broken = Broken {
            sink: memory.clone(),
            flaw,
            body: Mutex::default(),
            refused: Mutex::default(),
            lost: Mutex::default(),
            encoded: Mutex::default(),
            closed: AtomicBool::new(false),
        };
        let suite = check(&broken, &memory);
        violates("LogSink", number, suite, &format!("{flaw:?}")).await;
    }
}

/// As `INSERT OR IGNORE` on the uuid does.
#[tokio::test(start_paused = true)]
async fn sink_that_keeps_one_copy_of_each_event_passes() {
    let memory = MemorySink::new();
    check_with(&memory, &memory, |texts: Vec<String>| {
        let mut kept = Vec::new();
        for text in texts {
            if !kept.contains(&text) {
                kept.push(text);
            }
        }
        kept
    })
    .await;
}
