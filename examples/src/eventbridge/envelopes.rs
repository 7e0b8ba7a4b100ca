//! The envelopes that demonstrations put on the bus.

use std::collections::HashSet;

use bytes::Bytes;
use chrono::TimeDelta;
use okta_coralogix_core::{Clock, SystemClock};

use crate::program::demonstration::backlog;

/// Envelopes of `fresh` events and some others, and the UUIDs that must arrive.
pub(super) fn envelopes(fresh: i64) -> (Vec<Bytes>, HashSet<String>) {
    let now = SystemClock.now();
    let published: Vec<_> = (0..fresh)
        .map(|n| now - TimeDelta::milliseconds(fresh - n))
        .collect();
    let (events, expected) = backlog(now, &published);
    let envelope = |(n, event): (usize, &Bytes)| {
        let head = format!(
            r#"{{"version":"0","id":"{n:08x}-0000-4000-8000-000000000000","detail-type":"SystemLog","source":"aws.partner/okta.com/acme/audit","account":"123456789012","region":"eu-west-1","resources":[],"detail":"#
        );
        Bytes::from([head.as_bytes(), event, b"}"].concat())
    };
    (events.iter().enumerate().map(envelope).collect(), expected)
}
