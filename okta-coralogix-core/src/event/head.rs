//! The fields of an event that every event's path reads, found in one pass without building a tree.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use chrono::{DateTime, Utc};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::page::WHITE_SPACE;
use super::{MalformedReason, OktaSeverity, scan, time};
use crate::json_string::plain;

/// The head of an event: its time, and where its strings stand in the event's bytes. No allocation.
///
/// Where a key stands twice, the last one counts, as with most JSON readers.
#[derive(Debug, Clone, Copy)]
pub struct EventHead {
    pub(super) published: DateTime<Utc>,
    pub(super) uuid: Option<Span>,
    pub(super) event_type: Option<Span>,
    pub(super) severity: Option<OktaSeverity>,
}

impl EventHead {
    /// Reads the head of the one JSON value in `json`.
    pub(super) fn read(json: &[u8]) -> Result<Self, MalformedReason> {
        let text = utf8(json)?;
        match scan::object(text) {
            Some(fields) => fields.head(text),
            None => Self::read_by_serde_json(json),
        }
    }

    /// The same, by `serde_json` alone.
    pub(crate) fn read_by_serde_json(json: &[u8]) -> Result<Self, MalformedReason> {
        let text = utf8(json)?;
        let mut reader = serde_json::Deserializer::from_str(text);
        let fields = Fields::deserialize(&mut reader)
            .and_then(|fields| reader.end().map(|()| fields))
            .map_err(|error| match number(text) {
                Some(end) if text[end..].trim_matches(WHITE_SPACE).is_empty() => {
                    MalformedReason::NotAnObject
                }
                _ => not_json(&error),
            })?;
        fields.head(text)
    }
}

/// Where the number at the start of `text` ends. One that no floating-point number can hold is JSON all the same, but the
/// visitor never sees it.
pub(super) fn number(text: &str) -> Option<usize> {
    let start = text.trim_start_matches(WHITE_SPACE);
    if !start.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        return None;
    }
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    stream.next()?.ok()?;
    Some(stream.byte_offset())
}

fn utf8(json: &[u8]) -> Result<&str, MalformedReason> {
    simdutf8::basic::from_utf8(json).map_err(|_| MalformedReason::NotUtf8)
}

pub(super) fn not_json(error: &serde_json::Error) -> MalformedReason {
    MalformedReason::NotJson(error.to_string())
}

/// A part of an event's bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    pub(super) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Where `part`, a slice of `whole`, stands in it. `None` past 4 GiB, which no event reaches.
    fn of(part: &str, whole: &str) -> Option<Self> {
        let start = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
        Some(Self {
            start: u32::try_from(start).ok()?,
            end: u32::try_from(start + part.len()).ok()?,
        })
    }
}

/// The raw values of the head's fields in one JSON value.
#[derive(Clone, Copy, Default)]
pub(crate) struct Fields<'a> {
    is_object: bool,
    /// As it is written.
    first_key: Option<&'a str>,
    pub(super) uuid: Option<&'a str>,
    pub(super) published: Option<&'a str>,
    pub(super) event_type: Option<&'a str>,
    pub(super) severity: Option<&'a str>,
}

impl<'a> Fields<'a> {
    /// Those of an object of which nothing was read yet.
    pub(super) fn of_object() -> Self {
        Self {
            is_object: true,
            ..Self::default()
        }
    }

    /// True if it has what every System Log event has. Nested objects have not.
    pub(super) fn looks_like_an_event(&self) -> bool {
        self.uuid.is_some() && self.published.is_some()
    }

    /// Where the object begins in `text`, that it was read from; `None` if that cannot be told from its first key.
    pub(super) fn start_in(&self, text: &str) -> Option<usize> {
        let quote = Span::of(self.first_key?, text)?
            .range()
            .start
            .checked_sub(1)?;
        let brace = text.get(..quote)?.trim_end_matches(WHITE_SPACE);
        brace.strip_suffix('{').map(str::len)
    }

    /// The head, with spans relative to `event`, the text that the fields are slices of.
    pub(super) fn head(&self, event: &str) -> Result<EventHead, MalformedReason> {
        if !self.is_object {
            return Err(MalformedReason::NotAnObject);
        }
        let published = self.published.ok_or(MalformedReason::NoPublished)?;
        if published == "null" {
            return Err(MalformedReason::NoPublished);
        }
        let published = inside(published)
            .and_then(time::parse)
            .ok_or(MalformedReason::BadPublished)?;
        let span = |value: Option<&str>| {
            let text = inside(value?).filter(|text| !text.is_empty())?;
            Span::of(text, event)
        };
        Ok(EventHead {
            published,
            uuid: span(self.uuid),
            event_type: span(self.event_type),
            severity: self.severity.and_then(inside).and_then(severity),
        })
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    /// Takes any JSON value, so that a bad element is passed over like a good one.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldsVisitor)
    }
}

/// The severity that the inside of a JSON string spells.
fn severity(text: &str) -> Option<OktaSeverity> {
    let text = text.as_bytes();
    OktaSeverity::from_okta(text).or_else(|| OktaSeverity::from_okta(plain(text).as_bytes()))
}

/// The inside of a raw JSON value, if that is a string.
pub(super) fn inside(raw: &str) -> Option<&str> {
    raw.strip_prefix('"')?.strip_suffix('"')
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields::of_object();
        // As it is written: one that spells half a surrogate pair is JSON, and no text.
        while let Some(key) = map.next_key::<&RawValue>()? {
            let key = inside(key.get()).unwrap_or_default();
            fields.first_key = fields.first_key.or(Some(key));
            let field = match Key::of(key) {
                Key::Uuid => &mut fields.uuid,
                Key::Published => &mut fields.published,
                Key::EventType => &mut fields.event_type,
                Key::Severity => &mut fields.severity,
                Key::Other => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *field = Some(map.next_value::<&RawValue>()?.get());
        }
        Ok(fields)
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Fields::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Fields::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Fields::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Fields::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Fields::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Fields::default())
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Fields::default())
    }
}

enum Key {
    Uuid,
    Published,
    EventType,
    Severity,
    Other,
}

impl Key {
    /// The one that is written like this.
    fn of(key: &str) -> Self {
        let text = match key.contains('\\') {
            true => plain(key.as_bytes()),
            false => Cow::Borrowed(key),
        };
        match &*text {
            "uuid" => Self::Uuid,
            "published" => Self::Published,
            "eventType" => Self::EventType,
            "severity" => Self::Severity,
            _ => Self::Other,
        }
    }
}
