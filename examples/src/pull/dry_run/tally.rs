//! What would be delivered, by integration and event type.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use okta_coralogix_core::filter::{AgeFilter, AgePolicy};
use okta_coralogix_core::observe::{Observer, PipelineContext, PipelineEvent};
use okta_coralogix_core::pipeline::Disposition;
use okta_coralogix_core::text::sanitize;

/// Okta has some 1,200 event types; others are counted together.
const MAX_TYPES: usize = 5_000;
const OTHERS: &str = "(others)";
const NONE: &str = "(none)";

/// Too short a time says nothing of a day.
const MIN_SPAN: TimeDelta = TimeDelta::minutes(1);

/// Counts of all integrations.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// By name.
    integrations: Mutex<BTreeMap<String, Integration>>,
    /// Of the entries as they are written.
    entry_bytes: AtomicU64,
}

#[derive(Debug, Default)]
struct Integration {
    /// The time of which events were read.
    begins: Option<DateTime<Utc>>,
    through: Option<DateTime<Utc>>,
    types: BTreeMap<String, Count>,
}

/// Events, and their bytes as Okta gives them.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Count {
    pub(super) events: u64,
    pub(super) bytes: u64,
    /// A day; of the integrations of which a long enough time was read.
    pub(super) events_per_day: f64,
    pub(super) bytes_per_day: f64,
}

impl Count {
    pub(super) fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.bytes += other.bytes;
        self.events_per_day += other.events_per_day;
        self.bytes_per_day += other.bytes_per_day;
    }
}

impl Tally {
    /// An integration begins to read at `start`. What its age rule keeps from Coralogix is no part of a day.
    pub(super) fn begins(
        &self,
        name: &str,
        start: DateTime<Utc>,
        too_old: AgePolicy,
        now: DateTime<Utc>,
    ) {
        let limit = TimeDelta::from_std(AgeFilter::DEFAULT_LIMIT).unwrap_or(TimeDelta::MAX);
        let start = match too_old {
            AgePolicy::Restamp => start,
            _ => start.max(now - limit),
        };
        let mut integrations = self.integrations();
        let integration = integrations.entry(name.to_owned()).or_default();
        // It may be opened again.
        integration.begins.get_or_insert(start);
    }

    /// The counts of each event type. `through`: the time up to which all of them have read, if that is known.
    pub(super) fn by_type(&self, through: Option<DateTime<Utc>>) -> BTreeMap<String, Count> {
        let mut all: BTreeMap<String, Count> = BTreeMap::new();
        for integration in self.integrations().values() {
            let days = integration.days(through);
            for (event_type, count) in &integration.types {
                let a_day = |number: u64| days.map_or(0.0, |days| number as f64 / days);
                all.entry(event_type.clone()).or_default().add(&Count {
                    events_per_day: a_day(count.events),
                    bytes_per_day: a_day(count.bytes),
                    ..*count
                });
            }
        }
        all
    }

    /// The longest time of which an integration was read.
    pub(super) fn span(&self, through: Option<DateTime<Utc>>) -> Option<TimeDelta> {
        let integrations = self.integrations();
        let spans = integrations.values().filter_map(|one| one.span(through));
        spans.max()
    }

    pub(super) fn entry_bytes(&self) -> u64 {
        self.entry_bytes.load(Ordering::Relaxed)
    }

    /// Nothing that runs under this lock panics.
    fn integrations(&self) -> MutexGuard<'_, BTreeMap<String, Integration>> {
        self.integrations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Integration {
    fn span(&self, through: Option<DateTime<Utc>>) -> Option<TimeDelta> {
        let span = through.max(self.through)? - self.begins?;
        (span >= MIN_SPAN).then_some(span)
    }

    fn days(&self, through: Option<DateTime<Utc>>) -> Option<f64> {
        let span = self.span(through)?;
        Some(span.num_milliseconds() as f64 / TimeDelta::days(1).num_milliseconds() as f64)
    }

    fn count(&mut self, event_type: &str, bytes: usize) {
        let is_known = self.types.contains_key(event_type) || self.types.len() < MAX_TYPES;
        let event_type = if is_known { event_type } else { OTHERS };
        let count = self.types.entry(event_type.to_owned()).or_default();
        count.events += 1;
        count.bytes += bytes as u64;
    }
}

impl Observer for Tally {
    fn observe(&self, context: &PipelineContext<'_>, event: &PipelineEvent<'_>) {
        match event {
            PipelineEvent::Ended {
                disposition: Disposition::Delivered,
                event: Some(event),
            } => {
                let event_type = event.event_type();
                let event_type = event_type.map_or_else(|| NONE.to_owned(), |text| sanitize(&text));
                let bytes = event.json_range().len();
                let mut integrations = self.integrations();
                let integration = integrations.entry(context.pipeline.to_owned()).or_default();
                integration.count(&event_type, bytes);
            }
            PipelineEvent::DeliveredThrough { time } => {
                let mut integrations = self.integrations();
                let integration = integrations.entry(context.pipeline.to_owned()).or_default();
                integration.through = integration.through.max(Some(*time));
            }
            PipelineEvent::Accepted { uncompressed, .. } => {
                let bytes = *uncompressed as u64;
                self.entry_bytes.fetch_add(bytes, Ordering::Relaxed);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + hour * 3600, 0).unwrap()
    }

    /// So many events of 100 bytes.
    fn fill(tally: &Tally, name: &str, event_type: &str, events: usize) {
        let mut integrations = tally.integrations();
        let integration = integrations.get_mut(name).unwrap();
        for _ in 0..events {
            integration.count(event_type, 100);
        }
    }

    #[test]
    fn figures_of_a_day_are_those_of_each_integration_by_its_own_time() {
        let tally = Tally::default();
        tally.begins("acme", at(-12), AgePolicy::Drop, at(0));
        tally.begins("other", at(-6), AgePolicy::Drop, at(0));
        fill(&tally, "acme", "a", 10);
        fill(&tally, "other", "a", 5);
        fill(&tally, "other", "b", 1);
        let types = tally.by_type(Some(at(0)));
        let a = Count {
            events: 15,
            bytes: 1_500,
            events_per_day: 40.0,
            bytes_per_day: 4_000.0,
        };
        assert_eq!(types["a"], a);
        assert_eq!(types["b"].events_per_day, 4.0);
        assert_eq!(tally.span(Some(at(0))), Some(TimeDelta::hours(12)));
        assert_eq!(tally.by_type(None)["a"].events_per_day, 0.0, "not known");
    }

    #[test]
    fn days_of_which_all_events_are_too_old_count_only_if_they_are_restamped() {
        for (too_old, days) in [(AgePolicy::Drop, 1), (AgePolicy::Restamp, 7)] {
            let tally = Tally::default();
            tally.begins("acme", at(-7 * 24), too_old, at(0));
            assert_eq!(tally.span(Some(at(0))), Some(TimeDelta::days(days)));
        }
    }

    #[test]
    fn event_types_without_end_are_counted_together() {
        let tally = Tally::default();
        tally.begins("acme", at(-1), AgePolicy::Drop, at(0));
        for n in 0..MAX_TYPES + 10 {
            fill(&tally, "acme", &format!("type{n}"), 1);
        }
        fill(&tally, "acme", "type0", 1);
        let types = tally.by_type(None);
        assert_eq!(types.len(), MAX_TYPES + 1);
        assert_eq!((types[OTHERS].events, types["type0"].events), (10, 2));
    }
}
