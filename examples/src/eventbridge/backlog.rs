//! What demonstrations put on the bus: envelopes with everything that can be odd about them.

use std::collections::HashSet;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use okta_coralogix_core::testing::EventGenerator;

/// How many events of each sort.
const OLD: usize = 20;
const REPEATED: usize = 30;
const MALFORMED: usize = 5;

/// Envelopes of `fresh` events and some others, and the uuids that must arrive.
pub(super) fn envelopes(fresh: usize, now: DateTime<Utc>) -> (Vec<Bytes>, HashSet<String>) {
    let mut generator = EventGenerator::new(20);
    let mut expected = HashSet::new();
    let mut details = Vec::new();
    for n in 0..fresh {
        let event = generator.event(now - TimeDelta::milliseconds((fresh - n) as i64));
        details.push(event.json);
        expected.insert(event.uuid);
    }
    for n in 0..OLD {
        let event = generator.event(now - TimeDelta::hours(30 + n as i64));
        details.insert(n * fresh / OLD, event.json);
    }
    for n in 0..REPEATED {
        let copy = details[n * 7].clone();
        details.insert(details.len() - n, copy);
    }
    for n in 0..MALFORMED {
        let bad = format!("{{\"uuid\":\"malformed {n}\",\"published\":\"yesterday\"}}");
        details.insert((n + 1) * fresh / (MALFORMED + 1), bad.into());
    }
    let envelope = |(n, detail): (usize, &Bytes)| {
        let head = format!(
            r#"{{"version":"0","id":"{n:08x}-0000-4000-8000-000000000000","detail-type":"SystemLog","source":"aws.partner/okta.com/acme/audit","account":"123456789012","region":"eu-west-1","resources":[],"detail":"#
        );
        Bytes::from([head.as_bytes(), detail, b"}"].concat())
    };
    let envelopes = details.iter().enumerate().map(envelope).collect();
    (envelopes, expected)
}
