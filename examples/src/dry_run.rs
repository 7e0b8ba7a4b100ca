//! Entries to stdout instead of to Coralogix.

use std::io::Write;

use async_trait::async_trait;
use coralogix_sink::CoralogixSink;
use okta_coralogix_core::sink::{Batch, BatchLimits, EncodeError, Sent};
use okta_coralogix_core::{Error, ErrorKind, LogEntry, LogSink, Result};
use serde_json::value::RawValue;

/// Writes each entry as one line of stdout, just as it would have stood in a request.
#[derive(Debug)]
pub struct DryRun(CoralogixSink);

impl DryRun {
    /// Takes a sink for the form of its requests; see [`sink`].
    #[must_use]
    pub fn new(sink: CoralogixSink) -> Self {
        Self(sink)
    }
}

/// A sink for a dry run: it needs no key, and its requests are not compressed.
///
/// # Errors
/// None that a user can cause.
pub fn sink() -> Result<CoralogixSink> {
    CoralogixSink::builder()
        .endpoint("http://127.0.0.1")
        .api_key("dry-run")
        .gzip_level(0)
        .build()
}

#[async_trait]
impl LogSink for DryRun {
    fn limits(&self) -> BatchLimits {
        self.0.limits()
    }

    fn encode(&self, entries: &[LogEntry]) -> Result<Batch, EncodeError> {
        self.0.encode(entries)
    }

    async fn send(&self, batch: &Batch) -> Result<Sent> {
        print(&batch.body)?;
        Ok(Sent::default())
    }
}

fn print(body: &[u8]) -> Result<()> {
    let failed = |error: std::io::Error| {
        Error::new(
            ErrorKind::Storage,
            format!("standard output cannot be written: {error}"),
        )
    };
    let entries: Vec<&RawValue> = serde_json::from_slice(body)
        .map_err(|error| Error::new(ErrorKind::UnexpectedAnswer, error.to_string()))?;
    let mut stdout = std::io::stdout().lock();
    for entry in entries {
        writeln!(stdout, "{}", entry.get()).map_err(failed)?;
    }
    stdout.flush().map_err(failed)
}
