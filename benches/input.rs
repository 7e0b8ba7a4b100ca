//! The events that every bench reads.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use okta_coralogix_core::testing::{EventGenerator, page_of};

/// Events in a page: the most that Okta hands out.
pub const PAGE_EVENTS: usize = 1_000;

const SEED: u64 = 42;

/// The time that ages are judged by.
///
/// # Panics
/// Never.
#[must_use]
pub fn now() -> DateTime<Utc> {
    "2026-05-04T12:00:00Z"
        .parse()
        .expect("it is an RFC 3339 time")
}

/// Pages of [`PAGE_EVENTS`] events of 2 KB on average, 2 % of them too old: the same in every run.
#[must_use]
pub fn pages(count: usize) -> Vec<Bytes> {
    let mut generator = EventGenerator::new(SEED);
    (0..count)
        .map(|_| page_of(&generator.batch(PAGE_EVENTS, now())))
        .collect()
}
