//! Why an exchange has no complete response.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use crate::text::seconds;
use crate::{Error, ErrorKind};

/// Why an exchange has no complete response.
#[derive(Debug)]
#[non_exhaustive]
pub enum TransportError {
    /// No connection: the server has seen nothing of the request.
    Connect(TransportCause),
    /// The connection ended after the server may have seen the request.
    Interrupted(TransportCause),
    /// The response, or a part of it, did not arrive in time. The server may have acted on the request.
    TimedOut(Duration),
    /// The body is longer than what is read of one.
    TooLong(usize),
}

impl TransportError {
    /// The kind of the [`Error`] that it becomes.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Connect(_) | Self::Interrupted(_) => ErrorKind::Network,
            Self::TimedOut(_) => ErrorKind::TimedOut,
            Self::TooLong(_) => ErrorKind::UnexpectedResponse,
        }
    }

    /// True if the server may have acted on the request.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        !matches!(self, Self::Connect(_))
    }
}

impl From<TransportError> for Error {
    fn from(error: TransportError) -> Self {
        let (kind, detail) = (error.kind(), error.to_string());
        let is_ambiguous = error.is_ambiguous();
        Self::temporary(kind, detail)
            .with_ambiguity(is_ambiguous)
            .with_source(error)
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(cause) => write!(f, "no connection: {cause}"),
            Self::Interrupted(cause) => write!(f, "the connection was interrupted: {cause}"),
            Self::TimedOut(limit) => write!(
                f,
                "no answer within {}; if this lasts, a proxy or firewall on the way may hold the connection",
                seconds(*limit)
            ),
            Self::TooLong(bytes) => write!(f, "the answer is longer than {bytes} bytes"),
        }
    }
}

impl StdError for TransportError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Connect(cause) | Self::Interrupted(cause) => {
                cause.source.as_deref().map(|source| source as _)
            }
            Self::TimedOut(_) | Self::TooLong(_) => None,
        }
    }
}

/// What happened, in a sentence that names the cause and what to do about it, and the error of the HTTP client.
///
/// The sentence stands for the error of the client, whose own text is written for programmers:
/// [`TransportError::source`](StdError::source) is for code, and a message need not repeat it.
#[derive(Debug)]
pub struct TransportCause {
    sentence: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl TransportCause {
    /// Attaches the error of the HTTP client. It must hold no URL.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for TransportCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl From<String> for TransportCause {
    fn from(sentence: String) -> Self {
        Self {
            sentence,
            source: None,
        }
    }
}

impl From<&str> for TransportCause {
    fn from(sentence: &str) -> Self {
        sentence.to_owned().into()
    }
}
