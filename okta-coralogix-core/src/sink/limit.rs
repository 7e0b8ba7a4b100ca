//! A sink that takes a few requests at a time.

use async_trait::async_trait;

use super::in_flight::InFlight;
use super::{Batch, BatchLimits, EncodeError, LogSink, Sent};
use crate::{LogEntry, Result};

/// Bounds the requests of a sink that are in flight: half as many with each 429 or 503, down to one, and one more with
/// each full round of successes, up to the most. Further ones wait for their turn.
///
/// For those who call a sink themselves, from several tasks. `Retry<Limit<S>>` holds no turn while it waits to send again.
#[derive(Debug)]
pub struct Limit<S> {
    sink: S,
    in_flight: InFlight,
}

impl<S: LogSink> Limit<S> {
    /// At most `requests` at a time, one at least.
    #[must_use]
    pub fn new(sink: S, requests: usize) -> Self {
        Self {
            sink,
            in_flight: InFlight::new(requests),
        }
    }
}

#[async_trait]
impl<S: LogSink> LogSink for Limit<S> {
    fn limits(&self) -> BatchLimits {
        self.sink.limits()
    }

    fn encode(&self, entries: &[LogEntry]) -> Result<Batch, EncodeError> {
        self.sink.encode(entries)
    }

    fn compress(&self, batch: Batch) -> Batch {
        self.sink.compress(batch)
    }

    async fn send(&self, batch: &Batch) -> Result<Sent> {
        let _permit = self.in_flight.permit().await;
        let sent = self.sink.send(batch).await;
        match &sent {
            Ok(_) => self.in_flight.accepted(),
            Err(error) => self.in_flight.failed(error.kind()),
        }
        sent
    }
}
