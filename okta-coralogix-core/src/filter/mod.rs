//! Filters by age and event type, and the deduplication window.

mod age;
#[cfg(feature = "pipeline")]
mod dedup;
#[cfg(feature = "pipeline")]
mod dedup_snapshot;
mod event_type;

pub use age::{AgeFilter, AgePolicy};
#[cfg(feature = "pipeline")]
pub use dedup::{Claim, ClaimGuard, ClaimWaiter, DedupWindow};
#[cfg(feature = "pipeline")]
pub use dedup_snapshot::DedupSnapshot;
#[cfg(feature = "pipeline")]
pub(crate) use dedup_snapshot::EventId;
#[cfg(feature = "fs")]
pub(crate) use dedup_snapshot::NonUuidIds;
pub use event_type::EventTypeFilter;
pub(crate) use event_type::Pattern;

use std::fmt::Debug;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::RawEvent;

/// Why a filter drops an event. Both are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// Older than the age filter allows, from its original event time.
    TooOld,
    /// Filtered out by an event filter.
    Filtered,
}

/// A rule that may drop events: pure, synchronous, the time is an argument.
///
/// # Implementing
/// The verdict depends on nothing but the arguments.
pub trait EventFilter: Debug + Send + Sync + 'static {
    /// `None` keeps the event. `now` is the time that the event's age is checked against.
    fn check(&self, event: &RawEvent, now: DateTime<Utc>) -> Option<DropReason>;
}

impl<F: EventFilter + ?Sized> EventFilter for Arc<F> {
    fn check(&self, event: &RawEvent, now: DateTime<Utc>) -> Option<DropReason> {
        (**self).check(event, now)
    }
}
