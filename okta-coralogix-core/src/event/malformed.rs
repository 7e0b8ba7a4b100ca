//! What could not be read as an event, with its bytes.

use std::sync::Arc;

use bytes::Bytes;
use thiserror::Error;

use super::Origin;

/// Something that stood where an event should be. Nothing of it is lost: the bytes are here.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct MalformedEvent {
    /// The bytes, as they came.
    pub bytes: Bytes,
    /// What is wrong with them.
    pub reason: MalformedReason,
    /// Where they came from.
    pub origin: Arc<Origin>,
}

/// Why bytes are no event that can be judged.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MalformedReason {
    /// Not UTF-8. Inside a page of the pull route this makes the whole page unreadable instead.
    #[error("not UTF-8")]
    NotUtf8,
    /// Not JSON; the text says what is wrong where.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// JSON, but not an object.
    #[error("not a JSON object")]
    NotAnObject,
    /// Without `published`, the age of an event cannot be judged.
    #[error("`published` is missing")]
    NoPublished,
    /// `published` is no RFC 3339 time.
    #[error("`published` is not an RFC 3339 time")]
    BadPublished,
    /// Refused by an adapter, for the reason given.
    #[error("{0}")]
    Refused(String),
}
