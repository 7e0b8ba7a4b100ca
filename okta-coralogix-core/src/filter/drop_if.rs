//! A filter made of a closure.

use std::fmt;

use chrono::{DateTime, Utc};

use super::{DropReason, EventFilter};
use crate::RawEvent;

/// A filter that drops the events of which `drops` says true, for a `reason` that the observer of the pipeline is told.
///
/// ```
/// use okta_coralogix_core::filter::{DropReason, EventFilter, drop_if};
/// # use okta_coralogix_core::{Clock, SystemClock};
/// # use okta_coralogix_core::testing::EventGenerator;
/// # let now = SystemClock.now();
/// # let event = EventGenerator::new(7).event(now).json;
/// # let event = okta_coralogix_core::RawEvent::parse(event, Default::default())?;
///
/// let filter = drop_if("system_principal", |event| {
///     event.event_type().is_some_and(|name| name.starts_with("system."))
/// });
/// # let filter = drop_if("system_principal", |_| true);
/// assert_eq!(filter.check(&event, now), Some(DropReason::Other("system_principal")));
/// # Ok::<(), okta_coralogix_core::Error>(())
/// ```
pub fn drop_if<F>(reason: &'static str, drops: F) -> DropIf<F>
where
    F: Fn(&RawEvent) -> bool + Send + Sync + 'static,
{
    DropIf { reason, drops }
}

/// Made by [`drop_if`].
#[derive(Clone)]
#[must_use]
pub struct DropIf<F> {
    reason: &'static str,
    drops: F,
}

impl<F> EventFilter for DropIf<F>
where
    F: Fn(&RawEvent) -> bool + Send + Sync + 'static,
{
    fn check(&self, event: &RawEvent, _: DateTime<Utc>) -> Option<DropReason> {
        (self.drops)(event).then_some(DropReason::Other(self.reason))
    }
}

impl<F> fmt::Debug for DropIf<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DropIf")
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}
