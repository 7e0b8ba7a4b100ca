//! What a pipeline reports while it runs.

use std::fmt::Debug;
use std::time::Duration;

use crate::Error;
use crate::pipeline::Ending;

/// One thing that happened in a pipeline.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Signal<'a> {
    /// The source gave a delivery of this many items.
    Received {
        /// Items.
        items: usize,
    },
    /// An item ended.
    Ended {
        /// How.
        ending: Ending,
    },
    /// The sink accepted a request.
    Accepted {
        /// Entries in it.
        entries: usize,
        /// Bytes of it on the wire.
        bytes: usize,
    },
    /// A request to the sink failed.
    SendFailed {
        /// Why.
        error: &'a Error,
        /// Entries in it.
        entries: usize,
        /// When it is sent again; `None`: not as it is.
        retry_in: Option<Duration>,
    },
    /// The source failed.
    SourceFailed {
        /// Why.
        error: &'a Error,
        /// When it is asked again; `None`: never.
        retry_in: Option<Duration>,
    },
    /// Dead letters could not be written.
    DeadLettersFailed {
        /// Why.
        error: &'a Error,
        /// When they are written again; `None`: never.
        retry_in: Option<Duration>,
    },
    /// A delivery was settled, or handed back: its source knows what became of it.
    Settled {
        /// Items.
        items: usize,
    },
    /// A delivery could not be settled.
    SettleFailed {
        /// Why.
        error: &'a Error,
    },
}

/// Hears what happens in a pipeline: for metrics, progress, alarms. Called from the pipeline's task, so it must not block.
pub trait Observer: Debug + Send + Sync + 'static {
    /// Something happened.
    fn observe(&self, signal: &Signal<'_>);
}

/// Reports failures through `tracing` as warnings, everything else at debug level. The default.
#[derive(Debug, Clone, Copy, Default)]
pub struct TracingObserver;

impl Observer for TracingObserver {
    fn observe(&self, signal: &Signal<'_>) {
        match signal {
            Signal::SendFailed {
                error,
                entries,
                retry_in: Some(wait),
            } => {
                tracing::warn!(%error, entries, ?wait, "a request to the sink failed and is sent again")
            }
            Signal::SendFailed { error, entries, .. } => {
                tracing::warn!(%error, entries, "a request to the sink was refused");
            }
            Signal::SourceFailed {
                error,
                retry_in: Some(wait),
            } => tracing::warn!(%error, ?wait, "the source failed and is asked again"),
            Signal::SourceFailed { error, .. } => tracing::error!(%error, "the source failed"),
            Signal::DeadLettersFailed { error, retry_in } => {
                tracing::warn!(%error, ?retry_in, "dead letters could not be written");
            }
            Signal::SettleFailed { error } => {
                tracing::warn!(%error, "a delivery could not be settled")
            }
            // One a line would drown the log; the counts are in the summary.
            Signal::Ended { .. } => {}
            other => tracing::debug!(signal = ?other),
        }
    }
}
