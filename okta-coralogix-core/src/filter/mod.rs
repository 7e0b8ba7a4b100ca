//! Which events go on: age, event type, and what was seen before.

mod age;
mod event_type;
mod seen;
mod window;

pub use age::{AgeFilter, AgePolicy};
pub use event_type::EventTypeFilter;
pub use seen::{Claim, Held, Joined, SeenFilter};
pub(crate) use window::Others;
pub use window::SeenWindow;

use std::fmt::Debug;

use chrono::{DateTime, Utc};

use crate::RawEvent;

/// Why a filter drops an event. Both are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// Older than the age filter allows, from its original event time.
    TooOld,
    /// Not wanted.
    Filtered,
}

/// A rule that may drop events: pure, synchronous, the time is an argument.
///
/// # Implementing
/// The verdict depends on nothing but the arguments.
pub trait EventFilter: Debug + Send + Sync + 'static {
    /// `None` keeps the event. `now` is the time to judge by.
    fn check(&self, event: &RawEvent, now: DateTime<Utc>) -> Option<DropReason>;
}
