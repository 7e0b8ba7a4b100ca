//! Bytes that could not be read as an event.

use std::sync::Arc;

use bytes::Bytes;
use thiserror::Error;

use super::Origin;
use crate::ErrorKind;

/// An item that is not an event, with its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}")]
#[non_exhaustive]
pub struct MalformedEvent {
    /// The bytes, as they came.
    pub bytes: Bytes,
    /// Why they are no event.
    pub reason: MalformedReason,
    /// Where they came from.
    pub origin: Arc<Origin>,
}

impl MalformedEvent {
    /// These bytes, which are no event.
    #[must_use]
    pub fn new(bytes: impl Into<Bytes>, reason: MalformedReason, origin: Arc<Origin>) -> Self {
        Self {
            bytes: bytes.into(),
            reason,
            origin,
        }
    }
}

impl From<MalformedEvent> for crate::Error {
    fn from(error: MalformedEvent) -> Self {
        Self::new(ErrorKind::InvalidEvent, error.to_string()).with_source(error)
    }
}

/// Why bytes cannot be read as an event.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MalformedReason {
    /// Not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// Not JSON; the text is the parser's error with its position.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// JSON, but not an object.
    #[error("not a JSON object")]
    NotAnObject,
    /// `published` is missing: the age of the event is not known.
    #[error("`published` is missing")]
    NoPublished,
    /// `published` is no RFC 3339 time.
    #[error("`published` is not an RFC 3339 time")]
    BadPublished,
    /// Refused by an adapter, for the reason given.
    #[error("{0}")]
    Refused(String),
}
