//! What can happen in a pipeline.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::dead_letter::DeadLetter;
use crate::delivery::Disposition;
use crate::filter::DropReason;
use crate::text::seconds;
use crate::{Error, RawEvent, Summary};

/// One thing that happened in a pipeline. A variant that may get further fields is built by the pipeline alone; a source builds those that
/// it reports.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum PipelineEvent<'a> {
    /// The run began.
    Started,
    /// The run ended. Not if its future was dropped.
    #[non_exhaustive]
    Stopped {
        /// The counts of the run.
        summary: &'a Summary,
        /// The error that ended it.
        error: Option<&'a Error>,
    },
    /// The source gave a delivery.
    Received {
        /// Items of the delivery, malformed ones included.
        items: usize,
    },
    /// An item ended.
    Ended {
        /// The end that it came to.
        disposition: Disposition,
        /// The event; `None` if it could not be read as one, waited for a copy of it, or was handed back.
        event: Option<&'a RawEvent>,
    },
    /// An event was delivered that another route should have brought ([`HealingSource`](crate::HealingSource)). Its item
    /// [ends](Self::Ended) next.
    #[non_exhaustive]
    Healed {
        /// The event.
        event: &'a RawEvent,
        /// False: the other route may have brought it all the same, so that it may have arrived twice.
        is_verified: bool,
    },
    /// A filter drops an event. Its item [ends](Self::Ended) next. The [age rule](crate::filter::AgeFilter) of the pipeline is no
    /// filter.
    #[non_exhaustive]
    Dropped {
        /// Why, as the filter says.
        reason: DropReason,
        /// The event.
        event: &'a RawEvent,
    },
    /// A dead letter is in the store. Its item [ends](Self::Ended) next.
    #[non_exhaustive]
    DeadLettered {
        /// The letter.
        letter: &'a DeadLetter,
        /// The event; `None` if it could not be read as one.
        event: Option<&'a RawEvent>,
        /// Where the letters are kept, as the store [says](crate::dead_letter::DeadLetters::location); may be empty.
        location: &'a str,
    },
    /// The sink accepted a request.
    #[non_exhaustive]
    Accepted {
        /// Entries in the request.
        entries: usize,
        /// Bytes of the body as sent, after compression.
        bytes: usize,
        /// Bytes of the body before compression.
        uncompressed: usize,
        /// From the beginning of this attempt to the answer.
        took: Duration,
    },
    /// A request to the sink failed.
    #[non_exhaustive]
    SendFailed {
        /// The failure of this attempt.
        error: &'a Error,
        /// Entries in the request; 0: a [check](crate::LogSink::check), after something between answered in the sink's place.
        entries: usize,
        /// The wait before the same request is sent again; `None`: it is not, but split or given up.
        retry_in: Option<Duration>,
        /// From the beginning of this attempt to the failure.
        took: Duration,
        /// It is of an entry that fails alone while others pass: it says nothing of the sink.
        is_suspect: bool,
    },
    /// What failed works again.
    #[non_exhaustive]
    Recovered {
        /// The part of the pipeline.
        stage: Stage,
        /// Since its first failure.
        after: Duration,
    },
    /// So many entries fail whenever they are sent that none of them is blamed: they are held until the endpoint takes them. Repeated each
    /// minute until that ends.
    #[non_exhaustive]
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
    #[non_exhaustive]
    DeadLettersFailed {
        /// The store's error.
        error: &'a Error,
        /// The wait before they are written again; `None`: never, the run ends.
        retry_in: Option<Duration>,
    },
    /// The source recorded the outcomes of a delivery, handed-back items included.
    #[non_exhaustive]
    Settled {
        /// Items of the delivery.
        items: usize,
    },
    /// A delivery could not be settled.
    #[non_exhaustive]
    SettleFailed {
        /// The acker's error.
        error: &'a Error,
    },
    /// The remote of a source answered a poll with a page.
    Polled {
        /// Events in the page.
        items: usize,
        /// True if there is nothing more to read for now.
        caught_up: bool,
        /// From the latest `published` of the page to now; `None`: the page is empty, or its latest event lies in the future.
        lag: Option<Duration>,
        /// Requests that the source may still make in the current rate-limit window; `None`: not known.
        budget_left: Option<u32>,
    },
    /// A source that asks its remote has sent a request: it was answered as it should be, or not.
    Requested {
        /// Why there is nothing in the answer to go on with.
        error: Option<&'a Error>,
        /// From the beginning of the request to the whole answer, waits of a sign-in included.
        took: Duration,
    },
    /// A source that is sent requests has answered one.
    RequestAnswered {
        /// The HTTP status; 401 before an event of it was read, since its credential is missing or wrong.
        status: u16,
        /// From the head of the request to the answer.
        took: Duration,
    },
    /// The clock of a source's remote, as its last response had it.
    RemoteClock {
        /// How far it is ahead of the host's; negative: behind.
        offset: TimeDelta,
    },
    /// Every event that the source had until this time is settled; told when that changes, and at the start by the saved position, or
    /// without one by the time from which the source reads.
    DeliveredThrough {
        /// The latest `published` behind the position, or the time of a poll that found nothing more.
        time: DateTime<Utc>,
    },
    /// A source waits for its request budget.
    RateLimitWait {
        /// The length of the wait.
        wait: Duration,
    },
    /// A source has given no event for as long as its alarm is set to. Repeated after each further such time.
    SourceSilent {
        /// Since its last event, or since it was opened.
        since_event: Duration,
        /// Since the remote's last valid response: small if it responds and has no events. `None`: there was none yet.
        since_response: Option<Duration>,
    },
    /// The remote refused the cursor of a source, which reads again from an earlier time.
    CursorReset {
        /// The time from which it reads.
        since: DateTime<Utc>,
    },
    /// A source read its overlap window again, to find events that the remote stored late.
    OverlapReread {
        /// Events that were settled or in flight before.
        known: usize,
        /// Late events: not given before, though later ones were.
        late: usize,
        /// True after a [`CursorReset`](Self::CursorReset): events that had not been read yet count as late too.
        after_reset: bool,
    },
    /// The backlog of a source nears the age limit: some of its events may expire before they are read.
    BacklogAging {
        /// The age of the events read last.
        age: Duration,
        /// Events of this backlog that were too old when they were read.
        too_old: u64,
        /// The forecast for the rest of the backlog.
        forecast: BacklogForecast,
    },
    /// The progress of a source that reads a bounded range.
    BackfillProgress {
        /// The latest `published` read so far.
        published: DateTime<Utc>,
        /// The share of the range that lies before it, 0 to 1.
        share: f64,
    },
}

/// A part of a pipeline that can fail for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// The source cannot give events.
    Source,
    /// Requests to the sink fail.
    Sink,
    /// Dead letters cannot be written.
    DeadLetters,
    /// Deliveries cannot be settled.
    Settlement,
}

impl Stage {
    pub(super) const ALL: [Self; 4] = [
        Self::Source,
        Self::Sink,
        Self::DeadLetters,
        Self::Settlement,
    ];

    /// Its name, as a label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Sink => "sink",
            Self::DeadLetters => "dead_letters",
            Self::Settlement => "settlement",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
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
