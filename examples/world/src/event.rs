//! The events of a world. Each differs from the others in every byte that matters.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use crate::plan::{Arrival, EventKind, Plan, Route};

/// More bytes than a request may have.
const OVERSIZE: usize = 9_000;

/// One event that Okta stores.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) kind: EventKind,
    /// When Okta stores it.
    pub(crate) at: Duration,
    pub(crate) published: DateTime<Utc>,
    /// The event as Okta stores it.
    pub(crate) text: Bytes,
    /// What must arrive in Coralogix or in the dead letters: the event, or the envelope around it.
    pub(crate) document: Bytes,
    pub(crate) severity: u8,
    /// The index of the event that this is a copy of, or its own.
    pub(crate) original: usize,
}

/// The events of a plan, in the order in which Okta stores them.
pub(crate) fn events(plan: &Plan, start: DateTime<Utc>) -> Vec<Event> {
    let mut rng = fastrand::Rng::with_seed(plan.seed ^ 0x0e7e_4715);
    let mut events: Vec<Event> = Vec::new();
    for (index, &Arrival { at, kind }) in plan.arrivals.iter().enumerate() {
        let stored = start + TimeDelta::from_std(at).unwrap_or_default();
        let mut event = match (kind, events.last()) {
            (EventKind::Duplicate, Some(last)) => last.clone(),
            (EventKind::Twin, Some(last)) => last.twin(),
            _ => event(plan.route, &mut rng, index, kind, stored),
        };
        event.at = at;
        events.push(event);
    }
    events
}

/// The events of each body, on the routes of EventBridge.
pub(crate) fn bodies(plan: &Plan) -> Vec<Range<usize>> {
    let mut bodies: Vec<Range<usize>> = Vec::new();
    for (index, arrival) in plan.arrivals.iter().enumerate() {
        match bodies.last_mut() {
            Some(body)
                if body.len() < plan.events_per_body.max(1)
                    && plan.arrivals[body.start].at == arrival.at =>
            {
                body.end = index + 1;
            }
            _ => bodies.push(index..index + 1),
        }
    }
    bodies
}

/// The body that holds these events.
pub(crate) fn body(events: &[Event]) -> Bytes {
    match events {
        [event] => event.document.clone(),
        events => {
            let documents: Vec<&[u8]> = events.iter().map(|event| &*event.document).collect();
            [b"[", &*documents.join(&b","[..]), b"]"].concat().into()
        }
    }
}

impl Event {
    /// Another event with the same uuid.
    fn twin(&self) -> Self {
        let other = |bytes: &Bytes| replace(bytes, b"\"twice\":2", b"\"twice\":3");
        Self {
            text: other(&self.text),
            document: other(&self.document),
            ..self.clone()
        }
    }
}

/// Stands for a byte that is not UTF-8.
const MARK: char = '\u{e000}';

fn event(
    route: Route,
    rng: &mut fastrand::Rng,
    index: usize,
    kind: EventKind,
    stored: DateTime<Utc>,
) -> Event {
    let day = TimeDelta::hours(24);
    let published = match kind {
        EventKind::Old => stored - day - TimeDelta::seconds(rng.i64(1..7200)),
        EventKind::Ageing(seconds) => stored - day + TimeDelta::seconds(i64::from(seconds)),
        _ => stored - TimeDelta::milliseconds(rng.i64(0..90_000)),
    };
    let (word, severity) = [
        ("DEBUG", 1),
        ("INFO", 3),
        ("WARN", 4),
        ("ERROR", 5),
        ("ODD", 3),
    ][index % 5];
    let bits = rng.u128(..);
    let uuid = match kind {
        EventKind::NoUuid => String::new(),
        _ => format!(
            r#""uuid":"{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}","#,
            bits >> 96,
            bits >> 80 & 0xffff,
            bits >> 68 & 0xfff,
            bits >> 56 & 0xfff,
            bits & 0xffff_ffff_ffff
        ),
    };
    let time = match kind {
        EventKind::NoTime => String::new(),
        _ => {
            let time = published.to_rfc3339_opts(SecondsFormat::Millis, true);
            format!(r#""published":"{time}","#)
        }
    };
    let event_type = match kind {
        EventKind::Noise => "noise.made",
        _ => "user.session.start",
    };
    let more = match kind {
        EventKind::Poison => "poison".to_owned(),
        EventKind::Oversized => "x".repeat(OVERSIZE),
        EventKind::Forbidden => "../../../../etc/passwd".to_owned(),
        EventKind::NotUtf8 => format!("caf{MARK}"),
        _ => "é \\u00e9 \\\"q\\\" \\\\ \\/ \\n".to_owned(),
    };
    let text = match kind {
        EventKind::Broken => format!(r#"{{"index":{index},"uuid":nope}}"#),
        _ => format!(
            r#"{{"index":{index},{uuid}{time}"eventType":"{event_type}","severity":"{word}","n":1.50e+2,"target":[{{"id":{index}}}],"twice":1,"twice":2,"more":"{more}"}}"#
        ),
    };
    let document = match route {
        Route::Pull => text.clone(),
        Route::Http | Route::Sqs => format!(
            r#"{{"version":"0","id":"e-{index}","detail-type":"SystemLog","source":"aws.partner/okta.com/acme/audit","account":"123456789012","time":"2026-11-22T12:00:00Z","region":"eu-west-1","resources":[],"detail":{text}}}"#
        ),
    };
    Event {
        kind,
        at: Duration::ZERO,
        published,
        text: bytes(&text),
        document: bytes(&document),
        severity,
        original: index,
    }
}

fn bytes(text: &str) -> Bytes {
    replace(
        text.as_bytes(),
        MARK.encode_utf8(&mut [0; 4]).as_bytes(),
        &[0xe9],
    )
}

/// The bytes with another part in the place of the first such one.
fn replace(bytes: &[u8], part: &[u8], other: &[u8]) -> Bytes {
    let place = bytes.windows(part.len()).position(|window| window == part);
    place.map_or_else(
        || Bytes::copy_from_slice(bytes),
        |place| {
            [&bytes[..place], other, &bytes[place + part.len()..]]
                .concat()
                .into()
        },
    )
}
