//! Counters by the value of a label, and times.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};

/// A counter for each value of a label; all of them are there from the beginning, so that the first increase is seen.
#[derive(Debug)]
pub(super) struct CounterBy {
    values: &'static [&'static str],
    counts: Vec<AtomicU64>,
}

impl CounterBy {
    pub(super) fn new(values: &'static [&'static str]) -> Self {
        Self {
            values,
            counts: values.iter().map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Adds to the counter of `value`, which is one of the values.
    pub(super) fn add(&self, value: &str, by: u64) {
        let index = self.values.iter().position(|known| *known == value);
        let index = index.expect("a counter is added to by a value that it was made with");
        self.counts[index].fetch_add(by, Ordering::Relaxed);
    }

    /// The count of each value.
    pub(super) fn read(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self
            .counts
            .iter()
            .map(|count| count.load(Ordering::Relaxed));
        self.values.iter().copied().zip(counts)
    }
}

/// Adds up durations, as microseconds.
pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// A wall time that moves forward; unknown at first.
#[derive(Debug)]
pub(in crate::program) struct LatestTime(AtomicI64);

impl LatestTime {
    pub(super) fn unknown() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }

    pub(super) fn at(time: DateTime<Utc>) -> Self {
        Self(AtomicI64::new(time.timestamp_millis()))
    }

    /// Moves to `time`, never back.
    pub(super) fn advance(&self, time: DateTime<Utc>) {
        self.0.fetch_max(time.timestamp_millis(), Ordering::Relaxed);
    }

    pub(in crate::program) fn get(&self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_millis(self.0.load(Ordering::Relaxed))
    }
}

/// A time as Prometheus has it.
pub(super) fn unix_seconds(time: DateTime<Utc>) -> f64 {
    time.timestamp_millis() as f64 / 1000.0
}
