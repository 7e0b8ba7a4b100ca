//! The raw values of the head's fields, found in one pass without building a tree.

use std::borrow::Cow;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::head::{EventHead, Span};
use super::{MalformedReason, OktaSeverity, scan, time};
use crate::json::string::plain;

/// The raw values of the head's fields in one object. If a key occurs twice, the last one counts, as with most JSON
/// readers.
#[derive(Clone, Copy, Default)]
pub(crate) struct Fields<'a> {
    pub(super) uuid: Option<&'a str>,
    pub(super) published: Option<&'a str>,
    pub(super) event_type: Option<&'a str>,
    pub(super) severity: Option<&'a str>,
}

impl<'a> Fields<'a> {
    /// True if the object has what every event of the System Log has. Those within an event do not.
    pub(super) fn are_of_an_event(object: &str) -> bool {
        let fields = scan::object(object).or_else(|| serde_json::from_str(object).ok());
        fields.is_some_and(|fields| fields.uuid.is_some() && fields.published.is_some())
    }

    /// The head, with spans relative to `event`, the text that the fields are slices of.
    pub(super) fn head(&self, event: &str) -> Result<EventHead, MalformedReason> {
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
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
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
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields::default();
        // As it is written: one that spells half a surrogate pair is JSON, and no text.
        while let Some(key) = map.next_key::<&RawValue>()? {
            let key = inside(key.get()).unwrap_or_default();
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
