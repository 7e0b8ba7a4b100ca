//! What an integration has done so far: counted by its observer, read by the ticker.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use okta_coralogix_core::observe::PipelineEvent;
use okta_coralogix_core::pipeline::Disposition;

/// Counts of one integration.
#[derive(Debug, Default)]
pub(super) struct Counts {
    received: AtomicU64,
    delivered: AtomicU64,
    too_old: AtomicU64,
    duplicate: AtomicU64,
    filtered: AtomicU64,
    dead_lettered: AtomicU64,
    handed_back: AtomicU64,
    requests: AtomicU64,
    /// The latest `published` of a delivered event, and the time up to which every event is settled, in ms; 0: not known.
    published: AtomicI64,
    through: AtomicI64,
    /// The first time that was told as `through`.
    began: AtomicI64,
    /// A bounded range was read to its end.
    is_read_through: AtomicBool,
}

/// The counts at one time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Snapshot {
    pub(super) received: u64,
    pub(super) delivered: u64,
    pub(super) too_old: u64,
    pub(super) duplicate: u64,
    pub(super) filtered: u64,
    pub(super) dead_lettered: u64,
    pub(super) handed_back: u64,
    pub(super) requests: u64,
}

impl Counts {
    /// Counts what happens at the time `now`.
    pub(super) fn count(&self, event: &PipelineEvent<'_>, now: DateTime<Utc>) {
        // An event of the future must not hide that others are late.
        let until_now = |time: DateTime<Utc>| time.min(now).timestamp_millis();
        match event {
            PipelineEvent::Received { items } => add(&self.received, *items as u64),
            PipelineEvent::Accepted { .. } => add(&self.requests, 1),
            PipelineEvent::Ended { disposition, event } => {
                add(self.of(*disposition), 1);
                if let (Disposition::Delivered, Some(event)) = (disposition, event) {
                    let published = until_now(event.published());
                    self.published.fetch_max(published, Ordering::Relaxed);
                }
            }
            PipelineEvent::DeliveredThrough { time } => {
                let through = until_now(*time);
                self.through.store(through, Ordering::Relaxed);
                let relaxed = Ordering::Relaxed;
                // Fails if it was told before.
                let first = self.began.compare_exchange(0, through, relaxed, relaxed);
                first.ok();
            }
            PipelineEvent::BackfillProgress { share, .. } if *share >= 1.0 => {
                self.is_read_through.store(true, Ordering::Relaxed);
            }
            _ => {}
        }
    }

    fn of(&self, disposition: Disposition) -> &AtomicU64 {
        match disposition {
            Disposition::Delivered => &self.delivered,
            Disposition::TooOld => &self.too_old,
            Disposition::Duplicate => &self.duplicate,
            Disposition::Filtered => &self.filtered,
            Disposition::DeadLettered => &self.dead_lettered,
            _ => &self.handed_back,
        }
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Snapshot {
            received: count(&self.received),
            delivered: count(&self.delivered),
            too_old: count(&self.too_old),
            duplicate: count(&self.duplicate),
            filtered: count(&self.filtered),
            dead_lettered: count(&self.dead_lettered),
            handed_back: count(&self.handed_back),
            requests: count(&self.requests),
        }
    }

    /// The time up to which every event is settled, where the source tells.
    pub(super) fn through(&self) -> Option<DateTime<Utc>> {
        time(&self.through)
    }

    /// The time up to which every event was settled at the beginning, or after the first page.
    pub(super) fn began(&self) -> Option<DateTime<Utc>> {
        time(&self.began)
    }

    /// True if a bounded range was read to its end.
    pub(super) fn is_read_through(&self) -> bool {
        self.is_read_through.load(Ordering::Relaxed)
    }

    /// The latest `published` of a delivered event.
    pub(super) fn published(&self) -> Option<DateTime<Utc>> {
        time(&self.published)
    }
}

fn add(count: &AtomicU64, more: u64) {
    count.fetch_add(more, Ordering::Relaxed);
}

fn time(ms: &AtomicI64) -> Option<DateTime<Utc>> {
    match ms.load(Ordering::Relaxed) {
        0 => None,
        ms => DateTime::from_timestamp_millis(ms),
    }
}

impl Snapshot {
    /// Events that have come to an end.
    pub(super) fn ended(&self) -> u64 {
        self.delivered + self.ended_otherwise()
    }

    /// Those that were not delivered.
    pub(super) fn ended_otherwise(&self) -> u64 {
        self.too_old + self.duplicate + self.filtered + self.dead_lettered + self.handed_back
    }

    /// Events that have not ended.
    pub(super) fn pending(&self) -> u64 {
        self.received.saturating_sub(self.ended())
    }

    /// What was counted since an earlier snapshot.
    pub(super) fn since(&self, before: &Self) -> Self {
        Self {
            received: self.received - before.received,
            delivered: self.delivered - before.delivered,
            too_old: self.too_old - before.too_old,
            duplicate: self.duplicate - before.duplicate,
            filtered: self.filtered - before.filtered,
            dead_lettered: self.dead_lettered - before.dead_lettered,
            handed_back: self.handed_back - before.handed_back,
            requests: self.requests - before.requests,
        }
    }
}

/// How far delivery lies behind.
#[derive(Debug, Default)]
pub(super) struct Lag {
    published: Option<DateTime<Utc>>,
    /// Of the event that was delivered last, when that was noticed.
    delay: Option<Duration>,
}

impl Lag {
    /// From the time up to which every event is settled to now. A source that does not know that time has the delay of its last event.
    pub(super) fn at(&mut self, now: DateTime<Utc>, counts: &Counts) -> Option<Duration> {
        let since =
            |time: DateTime<Utc>| now.signed_duration_since(time).to_std().unwrap_or_default();
        let published = counts.published();
        if published != self.published {
            self.published = published;
            self.delay = published.map(since);
        }
        counts.through().map(since).or(self.delay)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use okta_coralogix_core::testing::EventGenerator;
    use okta_coralogix_core::{Origin, RawEvent};

    use super::*;

    const MINUTE: TimeDelta = TimeDelta::minutes(1);

    #[test]
    fn lag_grows_again_after_an_event_of_the_future() {
        let began = DateTime::from_timestamp(1_000_000, 0).unwrap();
        let mut generator = EventGenerator::new(3);
        let (counts, mut lag) = (Counts::default(), Lag::default());
        let mut delivered = |published, now| {
            let json = generator.event(published).json;
            let event = RawEvent::parse(json, Origin::org("acme").into()).unwrap();
            let disposition = Disposition::Delivered;
            let event = Some(&event);
            counts.count(&PipelineEvent::Ended { disposition, event }, now);
            lag.at(now, &counts)
        };
        assert_eq!(delivered(began + MINUTE * 600, began), Some(Duration::ZERO));
        let late = delivered(began + MINUTE, began + MINUTE * 5);
        assert_eq!(late, Some(Duration::from_secs(240)));
    }

    #[test]
    fn lag_grows_while_the_source_is_settled_through_the_future() {
        let began = DateTime::from_timestamp(1_000_000, 0).unwrap();
        let (counts, mut lag) = (Counts::default(), Lag::default());
        let time = began + MINUTE * 600;
        counts.count(&PipelineEvent::DeliveredThrough { time }, began);
        let later = lag.at(began + MINUTE * 5, &counts);
        assert_eq!(later, Some(Duration::from_secs(300)));
    }
}
