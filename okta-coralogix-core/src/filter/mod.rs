//! Filters by age and event type, and the deduplication window.

mod age;
#[cfg(feature = "pipeline")]
pub(crate) mod dedup;
mod drop_if;
mod event_type;

pub use age::{AgeFilter, AgePolicy};
#[cfg(feature = "fs")]
pub(crate) use dedup::NonUuidIds;
#[cfg(feature = "pipeline")]
pub(crate) use dedup::{Claim, ClaimGuard, ClaimWaiter, EventId, MAX_UUID_BYTES};
#[cfg(feature = "pipeline")]
pub use dedup::{DedupSnapshot, DedupWindow};
pub use drop_if::{DropIf, drop_if};
pub use event_type::EventTypeFilter;
pub(crate) use event_type::Pattern;

use std::fmt::{self, Debug};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::RawEvent;

/// Why a filter drops an event. The pipeline counts it, and tells its observer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// Older than the age filter allows, from its original event time.
    TooOld,
    /// Filtered out by an event filter.
    Filtered,
    /// Filtered out, for a reason in the words of the caller.
    Other(&'static str),
}

impl DropReason {
    /// Its name, for metric labels and logs: it stays as it is. That of the caller is given back.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooOld => "too_old",
            Self::Filtered => "filtered",
            Self::Other(reason) => reason,
        }
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A rule that may drop events: pure, synchronous, the time is an argument. [`drop_if`] makes one of a closure.
///
/// # Implementing
/// The verdict depends on nothing but the arguments.
pub trait EventFilter: Send + Sync + 'static {
    /// `None` keeps the event. `now` is the time that the event's age is checked against.
    fn check(&self, event: &RawEvent, now: DateTime<Utc>) -> Option<DropReason>;
}

debug_by_name!(EventFilter);

macro_rules! forward {
    ($($pointer:ident)*) => {$(
        impl<F: EventFilter + ?Sized> EventFilter for $pointer<F> {
            fn check(&self, event: &RawEvent, now: DateTime<Utc>) -> Option<DropReason> {
                (**self).check(event, now)
            }
        }
    )*};
}

forward!(Arc Box);
