//! What a pipeline reports while it runs.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::Error;
use crate::delivery::Disposition;

/// One thing that happened in a pipeline.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum PipelineEvent<'a> {
    /// The source gave a delivery of this many items.
    Received {
        /// Items.
        items: usize,
    },
    /// An item ended.
    Ended {
        /// How.
        disposition: Disposition,
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
    /// A delivery was settled, or handed back: its source was told the outcomes.
    Settled {
        /// Items.
        items: usize,
    },
    /// A delivery could not be settled.
    SettleFailed {
        /// Why.
        error: &'a Error,
    },
    /// A source asked and got a good answer.
    Polled {
        /// Which source: its org.
        source: &'a str,
        /// Events in the answer.
        items: usize,
        /// True if there was room for more: the source has caught up.
        caught_up: bool,
        /// From the latest `published` of the answer to now; `None`: no event in it, or one of the future.
        lag: Option<Duration>,
        /// Requests that the source may still make in the current window, where it knows.
        budget_left: Option<u32>,
    },
    /// A source waits for its request budget.
    RateLimitWait {
        /// Which source: its org.
        source: &'a str,
        /// How long.
        wait: Duration,
    },
    /// A source has given no event for the time that was set for this, and says so again after each such time.
    SourceSilent {
        /// Which source: its org.
        source: &'a str,
        /// Since its last event, or since it was opened.
        since_event: Duration,
        /// Since its last good answer: small if the source's remote answers and has nothing. `None`: there was none yet.
        since_response: Option<Duration>,
    },
    /// A source could not go on where it was, and reads again from an earlier time.
    CursorReset {
        /// Which source: its org.
        source: &'a str,
        /// From when.
        since: DateTime<Utc>,
    },
    /// A source read a part again, and what of it was known already.
    OverlapReread {
        /// Which source: its org.
        source: &'a str,
        /// Events that were settled or in flight before.
        known: usize,
        /// Events that had not been given, though later ones had.
        late: usize,
    },
    /// A source has so much to read that some of it may be too old by the time it is read.
    BacklogAging {
        /// Which source: its org.
        source: &'a str,
        /// How old the event is that was read last.
        age: Duration,
        /// Events of this backlog that were too old already when they were read.
        too_old: u64,
        /// What is to be expected of the rest.
        forecast: BacklogForecast,
    },
    /// A source that reads a bounded range has come this far.
    BackfillProgress {
        /// Which source: its org.
        source: &'a str,
        /// The latest `published` of what was read.
        published: DateTime<Utc>,
        /// The part of the range before it, 0 to 1.
        share: f64,
    },
}

/// What is to be expected of a backlog at the pace of the last minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BacklogForecast {
    /// Too little was read yet to tell.
    Unknown,
    /// It gets shorter; about so many more events will be too old when they are read.
    Shrinking {
        /// Events, estimated.
        too_old: u64,
    },
    /// It gets longer: from then on every event will be too old when it is read.
    Growing {
        /// From now; zero if that is so already.
        within: Duration,
    },
}

/// Observes a pipeline: for metrics, progress, alarms. Called from the pipeline's task, so it must not block.
pub trait Observer: Debug + Send + Sync + 'static {
    /// Called for each event, in order.
    fn observe(&self, event: &PipelineEvent<'_>);
}

impl<O: Observer + ?Sized> Observer for Arc<O> {
    fn observe(&self, event: &PipelineEvent<'_>) {
        (**self).observe(event);
    }
}

/// Reports failures through `tracing` as warnings, everything else at debug level. The default.
#[derive(Debug, Clone, Copy, Default)]
pub struct TracingObserver;

impl Observer for TracingObserver {
    fn observe(&self, event: &PipelineEvent<'_>) {
        match event {
            PipelineEvent::SendFailed {
                error,
                entries,
                retry_in,
            } => {
                tracing::warn!(%error, entries, ?retry_in, "a request to the sink failed");
            }
            PipelineEvent::SourceFailed { error, retry_in } => match retry_in {
                Some(_) => tracing::warn!(%error, ?retry_in, "the source failed"),
                None => tracing::error!(%error, "the source failed for good"),
            },
            PipelineEvent::DeadLettersFailed { error, retry_in } => {
                tracing::warn!(%error, ?retry_in, "dead letters could not be written");
            }
            PipelineEvent::SettleFailed { error } => {
                tracing::warn!(%error, "a delivery could not be settled")
            }
            PipelineEvent::SourceSilent {
                source,
                since_event,
                since_response,
            } => tracing::warn!(
                source,
                ?since_event,
                ?since_response,
                "the source has given no event for a long time"
            ),
            PipelineEvent::OverlapReread {
                source,
                known,
                late,
            } if *late > 0 => tracing::info!(
                source,
                known,
                late,
                "reading again found events that had been stored late"
            ),
            PipelineEvent::BacklogAging {
                source,
                age,
                too_old,
                forecast,
            } => tracing::warn!(
                source,
                ?age,
                too_old,
                ?forecast,
                "the backlog is nearly too old to be delivered"
            ),
            PipelineEvent::BackfillProgress {
                source,
                published,
                share,
            } => tracing::info!(source, %published, share, "read up to here"),
            // One a line would drown the log; the counts are in the summary.
            PipelineEvent::Ended { .. } => {}
            other => tracing::debug!(event = ?other),
        }
    }
}
