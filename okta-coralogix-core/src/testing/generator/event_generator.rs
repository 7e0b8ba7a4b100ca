//! The generator: identities, times and shares of events; their parts are made in the files beside it.

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use fastrand::Rng;

use super::parts;

/// One generated event.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GeneratedEvent {
    /// `uuid`, canonical and lower case.
    pub uuid: String,
    /// `published`, as it is in the JSON: to the millisecond, unless the event is a [rare](EventGenerator::rare) one.
    pub published: DateTime<Utc>,
    /// The LogEvent: one JSON object on one line.
    pub json: Bytes,
}

/// Which characters stand in names, cities and user agents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Script {
    /// Mostly ASCII, every third name of another script, now and then written in `\u` escapes.
    #[default]
    Mixed,
    /// Nothing but ASCII.
    Ascii,
    /// Every name and place in another script: two to four bytes for most characters.
    Unicode,
}

/// Makes System Log events: the same seed and calls give the same bytes.
///
/// The events vary in what real ones vary in: severity, event type, 0 to 5 targets, parts that are null or absent, the
/// string `"null"` as a zone, names in many scripts, escapes in user agents, `debugData` of some hundred bytes to tens
/// of kilobytes, fields that Okta's schema does not know. Left to itself an event takes 2 KB on average.
///
/// ```
/// use okta_coralogix_core::testing::{EventGenerator, page_of};
///
/// let now = "2026-05-04T12:00:00Z".parse().unwrap();
/// let events = EventGenerator::new(7).batch(1_000, now);
/// let page = page_of(&events);
/// assert!(page.starts_with(b"[{") && page.ends_with(b"}]"));
/// ```
#[derive(Debug, Clone)]
pub struct EventGenerator {
    rng: Rng,
    script: Script,
    size: Option<usize>,
    old: f64,
    late: f64,
    future: f64,
    rare: f64,
}

impl EventGenerator {
    /// A generator with 2 % old, 5 % late and 0.5 % future events in a batch.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            rng: Rng::with_seed(seed),
            script: Script::default(),
            size: None,
            old: 0.02,
            late: 0.05,
            future: 0.005,
            rare: 0.0,
        }
    }

    /// Which characters the texts are made of.
    #[must_use]
    pub fn script(mut self, script: Script) -> Self {
        self.script = script;
        self
    }

    /// Makes every event about `bytes` long (give or take a tenth): parts are left out below 2 KB and `debugData` is
    /// filled up above. The least possible is about 500 bytes.
    #[must_use]
    pub fn size(mut self, bytes: usize) -> Self {
        self.size = Some(bytes);
        self
    }

    /// The share of events in a batch, 0 to 1, that are more than 24 hours old (up to 7 days).
    #[must_use]
    pub fn old(mut self, share: f64) -> Self {
        self.old = share;
        self
    }

    /// The share of events in a batch, 0 to 1, that were published 1 to 60 minutes before their neighbours.
    #[must_use]
    pub fn late(mut self, share: f64) -> Self {
        self.late = share;
        self
    }

    /// The share of events in a batch, 0 to 1, that were published up to 10 minutes after `now`.
    #[must_use]
    pub fn future(mut self, share: f64) -> Self {
        self.future = share;
        self
    }

    /// The share of events, 0 to 1 and 0 by default, that have shapes which few real events have: `target: []`, objects as
    /// `detailEntry`, `changeDetails`, a `securityContext` that is null or all null, a `device` in camel case, no `debugContext`,
    /// `severity`, `target` or `transaction`, a `published` with other than three decimals.
    #[must_use]
    pub fn rare(mut self, share: f64) -> Self {
        self.rare = share;
        self
    }

    /// One event of that time, which is cut to the millisecond.
    pub fn event(&mut self, published: DateTime<Utc>) -> GeneratedEvent {
        let is_rare = self.rare > 0.0 && self.rng.f64() < self.rare;
        let (time, published) = match is_rare {
            true => self.rare_time(published),
            false => written(published, SecondsFormat::Millis),
        };
        let uuid = self.uuid(published);
        let style = Style {
            script: self.script,
            size: self.size,
            is_rare,
        };
        let json = parts::event(&mut self.rng, style, &uuid, &time);
        GeneratedEvent {
            uuid,
            published,
            json: Bytes::from(json),
        }
    }

    /// `count` events in the order in which Okta would hand them out at `now`: regular ones ascend over the last hour,
    /// the old, late and future ones stand among them.
    pub fn batch(&mut self, count: usize, now: DateTime<Utc>) -> Vec<GeneratedEvent> {
        const HOUR_MS: i64 = 3_600_000;
        let count_ms = i64::try_from(count).unwrap_or(i64::MAX).max(1);
        let step = HOUR_MS as f64 / count_ms as f64;
        (0..count)
            .map(|index| {
                let regular = ((count - index) as f64 * step) as i64;
                let before_now = self.before_now(regular);
                self.event(now - TimeDelta::milliseconds(before_now))
            })
            .collect()
    }

    /// How many milliseconds before now an event is, whose neighbours are `regular` before it.
    fn before_now(&mut self, regular: i64) -> i64 {
        const MINUTE_MS: i64 = 60_000;
        const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
        let draw = self.rng.f64();
        if draw < self.old {
            self.rng.i64(DAY_MS + 1..=7 * DAY_MS)
        } else if draw < self.old + self.late {
            regular + self.rng.i64(MINUTE_MS..=60 * MINUTE_MS)
        } else if draw < self.old + self.late + self.future {
            -self.rng.i64(1..=10 * MINUTE_MS)
        } else {
            regular
        }
    }

    /// A time within the same millisecond or second, with any number of decimals.
    fn rare_time(&mut self, time: DateTime<Utc>) -> (String, DateTime<Utc>) {
        use SecondsFormat::{Micros, Nanos, Secs};
        let time = time + TimeDelta::nanoseconds(self.rng.i64(0..1_000_000));
        written(time, parts::pick(&mut self.rng, &[Secs, Micros, Nanos]))
    }

    /// Okta writes both: time-based (version 1) and random (version 4) ones.
    fn uuid(&mut self, published: DateTime<Utc>) -> String {
        const VARIANT: u128 = 0b10 << 62;
        let random = self.rng.u128(..);
        let bits = if self.rng.bool() {
            // 100 ns since the Gregorian reform.
            let ticks = published.timestamp_millis() as u128 * 10_000 + 0x01B2_1DD2_1381_4000;
            let (low, mid, high) = (
                ticks & 0xFFFF_FFFF,
                ticks >> 32 & 0xFFFF,
                ticks >> 48 & 0xFFF,
            );
            low << 96 | mid << 80 | 1 << 76 | high << 64 | random & (u128::from(u64::MAX) >> 2)
        } else {
            random & !(0xF << 76 | 0b11 << 62) | 4 << 76
        } | VARIANT;
        let hex = format!("{bits:032x}");
        [
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..],
        ]
        .join("-")
    }
}

/// The shapes and characters of one event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) script: Script,
    pub(super) size: Option<usize>,
    pub(super) is_rare: bool,
}

/// The time cut to the decimals that are written.
fn written(time: DateTime<Utc>, form: SecondsFormat) -> (String, DateTime<Utc>) {
    let text = time.to_rfc3339_opts(form, true);
    let cut = text.parse().unwrap_or(time);
    (text, cut)
}

/// The page, a JSON array, that an org would answer with.
#[must_use]
pub fn page_of(events: &[GeneratedEvent]) -> Bytes {
    let mut page = Vec::with_capacity(events.iter().map(|event| event.json.len() + 1).sum());
    page.push(b'[');
    for (index, event) in events.iter().enumerate() {
        if index > 0 {
            page.push(b',');
        }
        page.extend_from_slice(&event.json);
    }
    page.push(b']');
    Bytes::from(page)
}
