//! A sink that is not asked again where the answer to a request was lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use okta_coralogix_core::sink::{Batch, BatchLimits, EncodeError};
use okta_coralogix_core::{Error, LogEntry, LogSink, Result};

/// Ends the run with the first request of which nobody knows whether it arrived.
#[derive(Debug)]
pub(super) struct OnceSink {
    sink: Arc<dyn LogSink>,
    /// Requests that have begun and were not answered for sure. One that was dropped stays in it.
    undecided: Arc<AtomicUsize>,
}

impl OnceSink {
    pub(super) fn new(sink: Arc<dyn LogSink>) -> Self {
        Self {
            sink,
            undecided: Arc::default(),
        }
    }

    pub(super) fn undecided(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.undecided)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl LogSink for OnceSink {
    fn limits(&self) -> BatchLimits {
        self.sink.limits()
    }

    fn encode(&self, entries: &[LogEntry]) -> Result<Batch, EncodeError> {
        self.sink.encode(entries)
    }

    fn compress(&self, batch: Batch) -> Batch {
        self.sink.compress(batch)
    }

    async fn check(&self) -> Option<Result<()>> {
        self.sink.check().await
    }

    fn reconnect(&self) {
        self.sink.reconnect();
    }

    fn address(&self) -> String {
        self.sink.address()
    }

    async fn send(&self, batch: &Batch) -> Result<()> {
        self.undecided.fetch_add(1, Ordering::SeqCst);
        match self.sink.send(batch).await {
            Err(error) if error.is_ambiguous() => {
                let detail = format!(
                    "{}: these events may have arrived; audit again after the visibility delay, which looks for them",
                    error.detail()
                );
                Err(Error::new(error.kind(), detail).with_ambiguity(true))
            }
            answer => {
                self.undecided.fetch_sub(1, Ordering::SeqCst);
                answer
            }
        }
    }

    async fn close(&self) -> Result<()> {
        self.sink.close().await
    }
}
