//! What an audit is about, and its bounds.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use okta_coralogix_core::{Clock, SystemClock};

use super::cause::Cause;
use super::progress::AuditProgress;
use crate::query::{EventFilter, EventId, QueryClient, TimeSlice};

/// How long a log may take until it is found. Coralogix documents no time.
pub const DEFAULT_VISIBILITY_DELAY: Duration = Duration::from_secs(30 * 60);

/// Events that are looked up by themselves, at most: 2 queries for 200 of them, so that these take 50 minutes at the default rate.
pub const DEFAULT_MAX_LOOKUPS: usize = 100_000;

type Known<'a> = dyn Fn(&EventId) -> Option<Cause> + Send + Sync + 'a;
type OnProgress<'a> = dyn Fn(&AuditProgress) + Send + Sync + 'a;

/// An audit of the logs of a range of time.
#[must_use]
pub struct Audit<'a> {
    pub(super) client: &'a QueryClient,
    pub(super) filter: EventFilter,
    pub(super) range: TimeSlice,
    /// Events of this part are decided.
    pub(super) part: TimeSlice,
    pub(super) visibility_delay: Duration,
    pub(super) max_lookups: usize,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) known: Option<Box<Known<'a>>>,
    pub(super) on_progress: Option<Box<OnProgress<'a>>>,
}

impl<'a> Audit<'a> {
    /// Audits the logs that `filter` selects, whose time is in `range`.
    pub fn new(client: &'a QueryClient, filter: EventFilter, range: TimeSlice) -> Self {
        Self {
            client,
            filter,
            range,
            part: range,
            visibility_delay: DEFAULT_VISIBILITY_DELAY,
            max_lookups: DEFAULT_MAX_LOOKUPS,
            clock: Arc::new(SystemClock),
            known: None,
            on_progress: None,
        }
    }

    /// Decides only about events of `part`: others that are not found are unverifiable, and take no lookup. What is stored in the time
    /// around shows that a lookup works. Default: the whole range.
    pub fn decides(mut self, part: TimeSlice) -> Self {
        self.part = part;
        self
    }

    /// How long a log may take until it is found: the range ends at least this long ago. Default: [`DEFAULT_VISIBILITY_DELAY`].
    pub fn visibility_delay(mut self, delay: Duration) -> Self {
        self.visibility_delay = delay;
        self
    }

    /// Events that are looked up by themselves, at most; further ones are unverifiable. Default: [`DEFAULT_MAX_LOOKUPS`].
    pub fn max_lookups(mut self, events: usize) -> Self {
        self.max_lookups = events;
        self
    }

    /// The clock by which the range has ended. Default: that of the host.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// What the caller knows of events that may be missing: from its dead letters, or from what it has sent before. It comes before what
    /// shows in the other missing events.
    pub fn known(mut self, known: impl Fn(&EventId) -> Option<Cause> + Send + Sync + 'a) -> Self {
        self.known = Some(Box::new(known));
        self
    }

    /// Is told how far it is, after each slice and each lookup.
    pub fn on_progress(mut self, told: impl Fn(&AuditProgress) + Send + Sync + 'a) -> Self {
        self.on_progress = Some(Box::new(told));
        self
    }
}

impl fmt::Debug for Audit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audit")
            .field("filter", &self.filter)
            .field("range", &self.range)
            .field("part", &self.part)
            .field("visibility_delay", &self.visibility_delay)
            .field("max_lookups", &self.max_lookups)
            .finish_non_exhaustive()
    }
}
