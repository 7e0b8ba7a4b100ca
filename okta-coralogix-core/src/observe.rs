//! What a pipeline reports while it runs.

use std::fmt::{self, Debug};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tracing::field::display;

use crate::Error;
use crate::delivery::Disposition;
use crate::text::{seconds, with_causes};

/// One thing that happened in a pipeline.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum PipelineEvent<'a> {
    /// The source gave a delivery.
    Received {
        /// Items of the delivery, malformed ones included.
        items: usize,
    },
    /// An item ended.
    Ended {
        /// The end that it came to.
        disposition: Disposition,
    },
    /// The sink accepted a request.
    Accepted {
        /// Entries in the request.
        entries: usize,
        /// Bytes of the body as sent, after compression.
        bytes: usize,
    },
    /// A request to the sink failed.
    SendFailed {
        /// The failure of this attempt.
        error: &'a Error,
        /// Entries in the request; 0: a [check](crate::LogSink::check), after something between answered in the sink's place.
        entries: usize,
        /// The wait before the same request is sent again; `None`: it is not, but split or given up.
        retry_in: Option<Duration>,
    },
    /// So many entries fail whenever they are sent that none of them is blamed: they are held until the endpoint takes them. Repeated each
    /// minute until that ends.
    SuspectsHeld {
        /// The entries that are held.
        entries: u64,
    },
    /// The source failed.
    SourceFailed {
        /// The source's error.
        error: &'a Error,
        /// The wait before it is asked again; `None`: never, the run ends.
        retry_in: Option<Duration>,
    },
    /// Dead letters could not be written.
    DeadLettersFailed {
        /// The store's error.
        error: &'a Error,
        /// The wait before they are written again; `None`: never, the run ends.
        retry_in: Option<Duration>,
    },
    /// The source recorded the outcomes of a delivery, handed-back items included.
    Settled {
        /// Items of the delivery.
        items: usize,
    },
    /// A delivery could not be settled.
    SettleFailed {
        /// The acker's error.
        error: &'a Error,
    },
    /// The remote of a source answered a poll with a page.
    Polled {
        /// The source, by its org.
        source: &'a str,
        /// Events in the page.
        items: usize,
        /// True if the page had room for more: the source has caught up.
        caught_up: bool,
        /// From the latest `published` of the page to now; `None`: the page is empty, or its latest event lies in the future.
        lag: Option<Duration>,
        /// Requests that the source may still make in the current rate-limit window; `None`: not known.
        budget_left: Option<u32>,
    },
    /// A source waits for its request budget.
    RateLimitWait {
        /// The source, by its org.
        source: &'a str,
        /// The length of the wait.
        wait: Duration,
    },
    /// A source has given no event for as long as its alarm is set to. Repeated after each further such time.
    SourceSilent {
        /// The source, by its org.
        source: &'a str,
        /// Since its last event, or since it was opened.
        since_event: Duration,
        /// Since the remote's last valid response: small if it responds and has no events. `None`: there was none yet.
        since_response: Option<Duration>,
    },
    /// The remote refused the cursor of a source, which reads again from an earlier time.
    CursorReset {
        /// The source, by its org.
        source: &'a str,
        /// The time from which it reads.
        since: DateTime<Utc>,
    },
    /// A source read its overlap window again, to find events that the remote stored late.
    OverlapReread {
        /// The source, by its org.
        source: &'a str,
        /// Events that were settled or in flight before.
        known: usize,
        /// Late events: not given before, though later ones were.
        late: usize,
    },
    /// The backlog of a source nears the age limit: some of its events may expire before they are read.
    BacklogAging {
        /// The source, by its org.
        source: &'a str,
        /// The age of the events read last.
        age: Duration,
        /// Events of this backlog that were too old when they were read.
        too_old: u64,
        /// The forecast for the rest of the backlog.
        forecast: BacklogForecast,
    },
    /// The progress of a source that reads a bounded range.
    BackfillProgress {
        /// The source, by its org.
        source: &'a str,
        /// The latest `published` read so far.
        published: DateTime<Utc>,
        /// The share of the range that lies before it, 0 to 1.
        share: f64,
    },
}

/// How a backlog will develop at the read rate of the last minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BacklogForecast {
    /// Too few pages were read to tell.
    Unknown,
    /// The backlog shrinks; some more events will expire before they are read.
    Shrinking {
        /// The estimated number of those events.
        too_old: u64,
    },
    /// The backlog grows: after a while every event will be too old when it is read.
    Growing {
        /// The time until then; zero if it is so already.
        within: Duration,
    },
}

impl fmt::Display for BacklogForecast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("not known yet"),
            Self::Shrinking { too_old } => {
                write!(f, "it shrinks, and {too_old} more events will be too old")
            }
            Self::Growing { within } => {
                write!(
                    f,
                    "it grows, and every event will be too old in {}",
                    seconds(*within)
                )
            }
        }
    }
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

/// The default: logs with `tracing`.
///
/// Logs failures at warn (a permanent source failure and held entries at error), late events and backfill progress at info, the rest at debug.
#[derive(Debug, Clone, Copy, Default)]
pub struct TracingObserver;

impl Observer for TracingObserver {
    fn observe(&self, event: &PipelineEvent<'_>) {
        let time = |time: &Option<Duration>| time.map(|time| display(seconds(time)));
        match event {
            PipelineEvent::SendFailed {
                error,
                entries,
                retry_in,
            } => {
                tracing::warn!(
                    error = %with_causes(*error),
                    entries,
                    retry_in = time(retry_in),
                    "a request to the sink failed"
                );
            }
            PipelineEvent::SuspectsHeld { entries } => tracing::error!(
                entries,
                "the endpoint refuses or fails at many entries and takes others: these are held, and none is dead-lettered"
            ),
            PipelineEvent::SourceFailed { error, retry_in } => match retry_in {
                Some(_) => {
                    tracing::warn!(
                        error = %with_causes(*error),
                        retry_in = time(retry_in),
                        "the source failed"
                    )
                }
                None => {
                    tracing::error!(error = %with_causes(*error), "the source failed permanently")
                }
            },
            PipelineEvent::DeadLettersFailed { error, retry_in } => {
                tracing::warn!(
                    error = %with_causes(*error),
                    retry_in = time(retry_in),
                    "dead letters could not be written"
                );
            }
            PipelineEvent::SettleFailed { error } => {
                tracing::warn!(
                    error = %with_causes(*error),
                    "a delivery could not be settled"
                )
            }
            PipelineEvent::SourceSilent {
                source,
                since_event,
                since_response,
            } => tracing::warn!(
                source,
                since_event = %seconds(*since_event),
                since_response = time(since_response),
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
                age = %seconds(*age),
                too_old,
                %forecast,
                "the backlog is nearly too old to be delivered"
            ),
            PipelineEvent::BackfillProgress {
                source,
                published,
                share,
            } => tracing::info!(source, %published, share, "read up to here"),
            // One a line would drown the log; the counts are in the summary.
            PipelineEvent::Ended { .. } => {}
            PipelineEvent::Received { items } => {
                tracing::debug!(items, "the source gave a delivery")
            }
            PipelineEvent::Accepted { entries, bytes } => {
                tracing::debug!(entries, bytes, "the sink accepted a request");
            }
            PipelineEvent::Settled { items } => tracing::debug!(items, "a delivery was settled"),
            PipelineEvent::Polled {
                source,
                items,
                caught_up,
                lag,
                budget_left,
            } => tracing::debug!(
                source,
                items,
                caught_up,
                lag = time(lag),
                budget_left,
                "the source was given a page"
            ),
            PipelineEvent::RateLimitWait { source, wait } => {
                tracing::debug!(source, wait = %seconds(*wait), "the source waits for its request budget");
            }
            PipelineEvent::CursorReset { source, since } => {
                tracing::debug!(source, %since, "the remote refused the cursor; reading again from an earlier time");
            }
            PipelineEvent::OverlapReread {
                source,
                known,
                late,
            } => {
                tracing::debug!(source, known, late, "reading again found nothing new");
            }
        }
    }
}
