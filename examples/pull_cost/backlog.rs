//! The events that wait at Okta.

use bytes::Bytes;
use chrono::TimeDelta;
use okta_coralogix_core::testing::{EventGenerator, GeneratedEvent};
use okta_coralogix_core::{Clock, SystemClock};

/// Events in a page, the most that Okta allows, and pages.
pub(super) const PAGE: usize = 1000;
pub(super) const PAGES: usize = 60;

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As Okta does.
    Compact,
    /// Two thirds of them with white space behind each colon and comma, as Python writes JSON.
    Spaced,
}

/// Events of the last hour, 2 KB each.
pub(super) fn backlog(spelling: Spelling) -> Vec<GeneratedEvent> {
    let mut generator = EventGenerator::new(42);
    let start = SystemClock.now() - TimeDelta::minutes(50);
    (0..PAGE * PAGES)
        .map(|n| {
            let mut event = generator.event(start + TimeDelta::milliseconds(n as i64));
            if spelling == Spelling::Spaced && n % 3 > 0 {
                event.json = spaced(&event.json);
            }
            event
        })
        .collect()
}

fn spaced(json: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(json.len() + json.len() / 8);
    let (mut in_string, mut is_escaped) = (false, false);
    for &byte in json {
        out.push(byte);
        let is_quote = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        in_string ^= is_quote;
        if !in_string && matches!(byte, b':' | b',') {
            out.push(b' ');
        }
    }
    out.into()
}
