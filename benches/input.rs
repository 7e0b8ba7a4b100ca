//! The events that every bench reads.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use okta_coralogix_core::testing::{EventGenerator, page_of};
use serde_json::Value;

/// Events in a page: the most that Okta hands out.
pub const PAGE_EVENTS: usize = 1_000;

/// The host of a page's events, as it stands in their entries.
pub const PAGE_HOST: &str = "acme.okta.com";

/// The same for an envelope: what its `source` names.
pub const ENVELOPE_HOST: &str = "acme";

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

/// The first of these pages, but with every so many-th event spelt with white space between its tokens, as another
/// program might write it.
///
/// # Panics
/// Never.
#[must_use]
pub fn page_with_spaced(every: usize) -> Bytes {
    let mut events = EventGenerator::new(SEED).batch(PAGE_EVENTS, now());
    for event in events.iter_mut().skip(every - 1).step_by(every) {
        let value: Value = serde_json::from_slice(&event.json).expect("an event is JSON");
        let spaced = serde_json::to_vec_pretty(&value).expect("a value always serialises");
        event.json = Bytes::from(spaced);
    }
    page_of(&events)
}

/// Events of the same kind, each in an EventBridge envelope of its own.
#[must_use]
pub fn envelopes(count: usize) -> Vec<Bytes> {
    let events = EventGenerator::new(SEED).batch(count, now());
    let envelope = |event: &[u8]| {
        let mut envelope = ENVELOPE_HEAD.as_bytes().to_vec();
        envelope.extend_from_slice(event);
        envelope.push(b'}');
        Bytes::from(envelope)
    };
    events.iter().map(|event| envelope(&event.json)).collect()
}

/// The keys and their order are those of Okta's own example.
const ENVELOPE_HEAD: &str = concat!(
    r#"{"version":"0","id":"4ab6d852-09e9-1036-fc04-2e22004b3c3f","detail-type":"SystemLog","#,
    r#""source":"aws.partner/okta.com/acme/audit","account":"999999999999","#,
    r#""time":"2026-05-04T12:00:00Z","region":"us-east-1","resources":[],"detail":"#,
);
