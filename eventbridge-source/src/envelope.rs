//! The envelope around an event.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use okta_coralogix_core::event::MalformedReason;
use okta_coralogix_core::internal::json::{Members, substr_range};
use okta_coralogix_core::{MalformedEvent, RawEvent};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::body::BodyParser;

/// An EventBridge event, as a rule sends it to its targets.
///
/// The keys are those of AWS's "Event structure reference". A key whose value is not of the type that the field has (a
/// number as `account`, a `time` that cannot be read) counts as unknown; the last value of a repeated key counts.
#[derive(Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Envelope {
    /// `version`: `0`.
    pub version: Option<String>,
    /// `id`: one per envelope. An event that Okta sends again comes in an envelope with another one.
    pub id: Option<String>,
    /// `detail-type`: `SystemLog`, or the name that was given to the log stream.
    pub detail_type: Option<String>,
    /// `source`: see [`PartnerSource`](crate::PartnerSource).
    pub source: Option<String>,
    /// `account`: the number of the AWS account.
    pub account: Option<String>,
    /// `time`: set by the sender, usually in full seconds. The time of the event itself is its `published`.
    pub time: Option<DateTime<Utc>>,
    /// `region`: of AWS.
    pub region: Option<String>,
    /// `resources`: ARNs; empty if absent.
    pub resources: Vec<String>,
    /// `replay-name`: only on events that are replayed from an archive.
    pub replay_name: Option<String>,
    /// The keys that are unknown, each with its value's JSON text, a slice of the document.
    pub other: BTreeMap<String, Bytes>,
    document: Bytes,
    detail: Range<usize>,
}

impl Envelope {
    /// Reads an envelope in one pass. `detail` is located and checked to be valid JSON, but neither copied nor parsed.
    ///
    /// # Errors
    /// [`MalformedEvent`], with the whole document, if it is not a JSON object with an object as `detail`.
    pub fn parse(document: Bytes) -> Result<Self, MalformedEvent> {
        match Self::read(&document) {
            Ok(envelope) => Ok(Self {
                document,
                ..envelope
            }),
            // The envelope that would name its origin cannot be read.
            Err(reason) => Err(MalformedEvent::new(document, reason, Arc::default())),
        }
    }

    /// Every field but the document.
    fn read(document: &Bytes) -> Result<Self, MalformedReason> {
        let text = std::str::from_utf8(document).map_err(|_| MalformedReason::NotUtf8)?;
        let mut envelope = Self::default();
        let mut detail = None;
        for member in members(text)?.iter() {
            let (key, json) = (member.key(), member.value);
            if key == "detail" {
                detail = Some(json);
            } else if envelope.set(&key, json) {
                envelope.other.remove(&*key);
            } else {
                let json = document.slice_ref(json.as_bytes());
                envelope.other.insert(key.into_owned(), json);
            }
        }
        let refused = |reason: &str| MalformedReason::Refused(reason.into());
        let detail: &str = detail.ok_or_else(|| refused("`detail` is missing"))?;
        if !detail.starts_with('{') {
            return Err(refused("`detail` is not a JSON object"));
        }
        envelope.detail = substr_range(text, detail);
        Ok(envelope)
    }

    /// Sets the field that `key` names; false if there is none, or the value is of another type.
    fn set(&mut self, key: &str, json: &str) -> bool {
        let field = match key {
            "version" => &mut self.version,
            "id" => &mut self.id,
            "detail-type" => &mut self.detail_type,
            "source" => &mut self.source,
            "account" => &mut self.account,
            "region" => &mut self.region,
            "replay-name" => &mut self.replay_name,
            "time" => return read_into(&mut self.time, json),
            "resources" => return read_into(&mut self.resources, json),
            _ => return false,
        };
        read_into(field, json)
    }

    /// The document, byte for byte as it came.
    #[must_use]
    pub fn document(&self) -> &Bytes {
        &self.document
    }

    /// The JSON of the event, a slice of the document.
    #[must_use]
    pub fn detail(&self) -> Bytes {
        self.document.slice(self.detail.clone())
    }

    /// The range of the event in the document.
    #[must_use]
    pub fn detail_range(&self) -> Range<usize> {
        self.detail.clone()
    }

    /// The event, with the whole envelope as its document, and with org and log stream as its origin. An envelope
    /// without `source` gives an event of unknown origin.
    ///
    /// # Errors
    /// [`MalformedEvent`], with the whole document, if `source` is not Okta's or the event's head cannot be read.
    pub fn into_event(self) -> Result<RawEvent, MalformedEvent> {
        BodyParser::default().event(&self)
    }
}

/// The members of the object that `text` is.
fn members(text: &str) -> Result<Members<'_>, MalformedReason> {
    let not_json = |error: serde_json::Error| MalformedReason::NotJson(error.to_string());
    serde_json::from_str(text).map_err(|error| match error.is_data() {
        // No object: the rest of it was not read.
        true => match serde_json::from_str::<IgnoredAny>(text) {
            Ok(_) => MalformedReason::NotAnObject,
            Err(error) => not_json(error),
        },
        false => not_json(error),
    })
}

fn read_into<'de, T: Deserialize<'de> + Default>(field: &mut T, json: &'de str) -> bool {
    let read = serde_json::from_str(json);
    let is_read = read.is_ok() && json != "null";
    *field = read.unwrap_or_default();
    is_read
}

/// Without the event, which has personal data.
impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("id", &self.id)
            .field("detail_type", &self.detail_type)
            .field("source", &self.source)
            .field("time", &self.time)
            .field("replay_name", &self.replay_name)
            .field("bytes", &self.document.len())
            .finish_non_exhaustive()
    }
}
