//! The format of a dead letter on a line of a file.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::DeadLetter;
use crate::event::Origin;

/// One line of a file of dead letters.
///
/// ```json
/// {"time":"2026-05-04T12:00:00Z","reason":"malformed","detail":"not a JSON object",
///  "origin":{"org":"example.okta.com"},"event":"[1,2]"}
/// ```
/// (on one line). `event` is the event's bytes as text; where they are not UTF-8, `event_base64` takes its place
/// (standard alphabet, padded). `origin` has `stream`, `application`, `subsystem` and `receive_count` where there are any.
///
/// A process that was killed, or a disk that was full, can leave a line that is no record. Its event was never acknowledged, and is
/// dead-lettered again when the source gives it again. Readers pass over such lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Line", into = "Line")]
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
    pub bytes: Bytes,
}

impl From<&DeadLetter> for DeadLetterRecord {
    fn from(letter: &DeadLetter) -> Self {
        Self {
            time: letter.time,
            reason: letter.reason.to_string(),
            detail: letter.detail.clone(),
            origin: Origin::clone(&letter.origin),
            bytes: letter.bytes.clone(),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Line {
    time: DateTime<Utc>,
    reason: String,
    detail: String,
    origin: StoredOrigin,
    #[serde(flatten)]
    event: Event,
}

#[derive(Serialize, Deserialize)]
struct StoredOrigin {
    org: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stream: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    application: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subsystem: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    receive_count: Option<u32>,
}

#[derive(Serialize, Deserialize)]
enum Event {
    #[serde(rename = "event")]
    Text(String),
    #[serde(rename = "event_base64")]
    Base64(String),
}

impl From<DeadLetterRecord> for Line {
    fn from(record: DeadLetterRecord) -> Self {
        let Origin {
            org,
            stream,
            application,
            subsystem,
            receive_count,
        } = record.origin;
        Self {
            time: record.time,
            reason: record.reason,
            detail: record.detail,
            origin: StoredOrigin {
                org,
                stream,
                application,
                subsystem,
                receive_count,
            },
            event: match String::from_utf8(record.bytes.into()) {
                Ok(text) => Event::Text(text),
                Err(error) => Event::Base64(STANDARD.encode(error.as_bytes())),
            },
        }
    }
}

impl TryFrom<Line> for DeadLetterRecord {
    type Error = base64::DecodeError;

    fn try_from(line: Line) -> Result<Self, Self::Error> {
        Ok(Self {
            time: line.time,
            reason: line.reason,
            detail: line.detail,
            origin: Origin {
                org: line.origin.org,
                stream: line.origin.stream,
                application: line.origin.application,
                subsystem: line.origin.subsystem,
                receive_count: line.origin.receive_count,
            },
            bytes: match line.event {
                Event::Text(text) => text.into(),
                Event::Base64(text) => STANDARD.decode(text)?.into(),
            },
        })
    }
}
