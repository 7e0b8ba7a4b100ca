//! Why a document is no envelope, with its bytes.

use std::sync::Arc;

use bytes::Bytes;
use okta_coralogix_core::event::MalformedReason;
use okta_coralogix_core::{MalformedEvent, Origin};
use thiserror::Error;

/// A document that is no envelope. Nothing of it is lost: the bytes are here.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{fault}")]
pub struct EnvelopeError {
    /// The document, as it came.
    pub document: Bytes,
    /// What is wrong with it.
    pub fault: EnvelopeFault,
}

/// What is wrong with a document that should be an envelope.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EnvelopeFault {
    /// Not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// Not JSON; the text says what is wrong where.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// JSON, but not an object.
    #[error("not a JSON object")]
    NotAnObject,
    /// There is no `detail`: a bare event, perhaps.
    #[error("`detail` is missing")]
    NoDetail,
    /// `detail` is there, but no object.
    #[error("`detail` is not a JSON object")]
    DetailNotAnObject,
}

impl From<EnvelopeError> for MalformedEvent {
    /// As a pipeline dead-letters it. The origin is empty, for there was no envelope to read it from.
    fn from(error: EnvelopeError) -> Self {
        let reason = match error.fault {
            EnvelopeFault::NotUtf8 => MalformedReason::NotUtf8,
            EnvelopeFault::NotJson(what) => MalformedReason::NotJson(what),
            EnvelopeFault::NotAnObject => MalformedReason::NotAnObject,
            fault @ (EnvelopeFault::NoDetail | EnvelopeFault::DetailNotAnObject) => {
                MalformedReason::Refused(fault.to_string())
            }
        };
        Self {
            bytes: error.document,
            reason,
            origin: Arc::new(Origin::default()),
        }
    }
}
