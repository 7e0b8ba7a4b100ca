//! Pages of events of a given size and script.

use std::fmt;

use bytes::Bytes;
use okta_coralogix_core::testing::{EventGenerator, GeneratedEvent, Script, page_of};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::now;

/// Bytes of an event, about.
pub const SIZES: [usize; 4] = [512, 2_048, 8_192, 65_536];

/// Names and places in ASCII only, or in other scripts only.
pub const SCRIPTS: [Script; 2] = [Script::Ascii, Script::Unicode];

/// From this size on an event is filled up from both sides: half of it with `debugData`, the rest with targets.
const MANY_TARGETS: usize = 4_096;

/// What the events of a page are like.
///
/// Small events lack the parts that real small ones lack. Big ones have more targets and more `debugData`, as real big
/// ones have: no string is longer than a few hundred bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Bytes of an event, give or take a tenth.
    pub bytes: usize,
    /// The script of its texts.
    pub script: Script,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let script = match self.script {
            Script::Ascii => "ascii",
            Script::Unicode => "unicode",
            Script::Mixed => "mixed",
        };
        write!(f, "{script}-{}B", self.bytes)
    }
}

impl Shape {
    /// Every size in every script.
    pub fn all() -> impl Iterator<Item = Self> {
        let of = |script| SIZES.map(|bytes| Self { bytes, script });
        SCRIPTS.into_iter().flat_map(of)
    }

    /// So many events, 2 % of them too old: the same in every run.
    #[must_use]
    pub fn events(self, count: usize) -> Vec<GeneratedEvent> {
        let generator = EventGenerator::new(self.bytes as u64).script(self.script);
        if self.bytes < MANY_TARGETS {
            return generator.size(self.bytes).batch(count, now());
        }
        let pool = targets(&generator);
        let mut events = generator.size(self.bytes / 2).batch(count, now());
        let mut pool = pool.iter().cycle();
        for event in &mut events {
            event.json = with_targets(&event.json, &mut pool, self.bytes);
        }
        events
    }

    /// A page of so many of them.
    #[must_use]
    pub fn page(self, count: usize) -> Bytes {
        page_of(&self.events(count))
    }

    /// How many of them make a page of about 2 MB, as a full page of usual events is; never more than Okta hands out.
    #[must_use]
    pub fn usual_count(self) -> usize {
        (2_048_000 / self.bytes).min(crate::PAGE_EVENTS)
    }
}

#[derive(Deserialize)]
struct Targets<'a> {
    #[serde(borrow)]
    target: Option<Vec<&'a RawValue>>,
}

/// The targets of some hundred events of that generator.
fn targets(generator: &EventGenerator) -> Vec<String> {
    let mut targets = Vec::new();
    for event in generator.clone().batch(500, now()) {
        let read: Targets<'_> = serde_json::from_slice(&event.json).expect("an event is JSON");
        targets.extend(read.target.iter().flatten().map(|t| t.get().to_owned()));
    }
    targets
}

/// The event with targets from `pool` before its own, until it has `bytes` bytes.
fn with_targets<'a>(
    event: &[u8],
    pool: &mut impl Iterator<Item = &'a String>,
    bytes: usize,
) -> Bytes {
    const KEY: &str = r#""target":"#;
    let event = std::str::from_utf8(event).expect("an event is JSON");
    let at = event.rfind(KEY).expect("every event has the key") + KEY.len();
    let (before, behind) = event.split_at(at);
    let (own, behind) = match behind.strip_prefix('[') {
        Some(own) => (",", own),
        None => ("]", &behind["null".len()..]),
    };
    let mut sized = format!("{before}[");
    while sized.len() + behind.len() < bytes {
        if !sized.ends_with('[') {
            sized.push(',');
        }
        sized.push_str(pool.next().expect("a cycle does not end"));
    }
    sized.push_str(own);
    sized.push_str(behind);
    Bytes::from(sized)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_valid_of_their_size_and_without_long_strings() {
        for shape in Shape::all() {
            for event in shape.events(20) {
                let bytes = event.json.len();
                let wanted = shape.bytes * 8 / 10..shape.bytes * 14 / 10;
                assert!(wanted.contains(&bytes), "{shape}: {bytes} bytes");
                serde_json::from_slice::<serde::de::IgnoredAny>(&event.json).unwrap();
                let longest = event
                    .json
                    .split(|byte| *byte == b'"')
                    .map(<[u8]>::len)
                    .max();
                assert!(longest < Some(500), "{shape}: {longest:?}");
                assert_eq!(event.json.is_ascii(), shape.script == Script::Ascii);
            }
        }
    }
}
