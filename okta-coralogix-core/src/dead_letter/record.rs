//! The format of a dead letter on a line of a file.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{DeadLetter, DeadLetterTarget};
use crate::event::Origin;
use crate::json::without_byte_order_mark;

/// One line of a file of dead letters.
///
/// ```json
/// {"time":"2026-05-04T12:00:00Z","reason":"malformed","detail":"not a JSON object",
///  "origin":{"org":"example.okta.com"},"event":"[1,2]",
///  "target":{"integration":"acme","application":"okta","subsystem":"acme","endpoint":"https://ingress.eu2.coralogix.com"}}
/// ```
/// (on one line). `"may_have_arrived":true` follows where the answer to a request with the event was lost. `event` is the event's bytes as text; where they are not UTF-8, `event_base64` takes its place
/// (standard alphabet, padded). `target` has the name of the `integration`, that is of the pipeline, and the `application`, `subsystem` and
/// `endpoint` that the event was to be sent with, as far as they are known; letters of earlier releases have none. `origin` has `stream`, `application`, `subsystem` and `receive_count` where there are any.
///
/// A process that was killed, or a disk that was full, can leave a line that is no record. Its event was never acknowledged, and is
/// dead-lettered again when the source gives it again. Readers pass over such lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeadLetterRecord {
    /// When it was dead-lettered.
    pub time: DateTime<Utc>,
    /// The reason, as [`DeadLetterReason`](super::DeadLetterReason) displays itself.
    pub reason: String,
    /// The reason in words.
    pub detail: String,
    /// Where the event came from.
    pub origin: Origin,
    /// The event's bytes as they came.
    #[serde(
        flatten,
        serialize_with = "write_event",
        deserialize_with = "read_event"
    )]
    pub bytes: Bytes,
    /// True if it may have arrived all the same: a replay may make a copy.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_have_arrived: bool,
    /// Where it belongs; `None` in letters of earlier releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<DeadLetterTarget>,
}

impl DeadLetterRecord {
    /// The record of a line, with or without its line end. An editor may have put a byte order mark before the first one.
    ///
    /// # Errors
    /// What serde_json says of a line that is none.
    pub fn from_line(line: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(without_byte_order_mark(line))
    }
}

impl From<&DeadLetter> for DeadLetterRecord {
    fn from(letter: &DeadLetter) -> Self {
        Self {
            time: letter.time,
            reason: letter.reason.to_string(),
            detail: letter.detail.clone(),
            origin: Origin::clone(&letter.origin),
            bytes: letter.bytes.clone(),
            may_have_arrived: letter.may_have_arrived,
            target: letter.target.clone(),
        }
    }
}

#[derive(Serialize, Deserialize)]
enum Event {
    #[serde(rename = "event")]
    Text(String),
    #[serde(rename = "event_base64")]
    Base64(String),
}

fn write_event<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    let event = match std::str::from_utf8(bytes) {
        Ok(text) => Event::Text(text.into()),
        Err(_) => Event::Base64(STANDARD.encode(bytes)),
    };
    event.serialize(serializer)
}

fn read_event<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
    match Event::deserialize(deserializer)? {
        Event::Text(text) => Ok(text.into()),
        Event::Base64(text) => STANDARD
            .decode(text)
            .map(Bytes::from)
            .map_err(D::Error::custom),
    }
}
