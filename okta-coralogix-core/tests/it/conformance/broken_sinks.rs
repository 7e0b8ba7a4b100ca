//! Sinks that break one rule each do not pass; one that keeps a single copy of each event does.

use std::sync::Mutex;

use async_trait::async_trait;
use okta_coralogix_core::sink::{Batch, BatchLimits, EncodeError};
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
}

#[derive(Debug)]
struct Broken {
    sink: MemorySink,
    flaw: Flaw,
    body: Mutex<Option<Batch>>,
    refused: Mutex<bool>,
    lost: Mutex<Vec<bytes::Bytes>>,
}

const LIMITS: BatchLimits = BatchLimits {
    entries: 100,
    bytes: 100_000,
};

/// Takes whatever number of bytes.
fn any_size(entries: &[LogEntry]) -> Result<Batch, EncodeError> {
    let limits = BatchLimits {
        bytes: usize::MAX,
        ..LIMITS
    };
    MemorySink::with_limits(limits).encode(entries)
}

#[async_trait]
impl LogSink for Broken {
    fn limits(&self) -> BatchLimits {
        LIMITS
    }

    fn encode(&self, entries: &[LogEntry]) -> Result<Batch, EncodeError> {
        match (self.flaw, self.sink.encode(entries)) {
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
            _ => {}
        }
        let result = self.sink.send(batch).await;
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
    ] {
        let memory = MemorySink::with_limits(LIMITS);
        let broken = Broken {
            sink: memory.clone(),
            flaw,
            body: Mutex::default(),
            refused: Mutex::default(),
            lost: Mutex::default(),
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
