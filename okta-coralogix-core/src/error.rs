//! The error type of the workspace: what happened, whether a retry can help, and what to do.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// `Result` with the workspace's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = dyn std::error::Error + Send + Sync + 'static;

/// Kinds of errors, by the component or person that has to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting is missing or wrong. The detail names it and what to write instead.
    Config,
    /// The remote refused the credential (HTTP 401).
    Unauthorized,
    /// The credential is valid but lacks a right (HTTP 403).
    Forbidden,
    /// The address does not speak the expected protocol (404, a redirect, HTML each time).
    WrongEndpoint,
    /// The remote named a URL that the credential must not be sent to.
    HostileLink,
    /// The request is larger than the remote accepts (HTTP 413).
    TooLarge,
    /// The remote understood the request and refuses its content (HTTP 400, 422).
    Rejected,
    /// A request budget is used up (HTTP 429).
    RateLimited,
    /// The remote cannot answer now (HTTP 408, 5xx).
    Unavailable,
    /// No response, or a part of one: connection refused, reset.
    Network,
    /// No response, or a part of one, in time. A smaller request may need less time.
    TimedOut,
    /// The response cannot be read, or is not the expected one.
    UnexpectedResponse,
    /// Something between this program and the remote answered in its place (a web page, a redirect, a proxy that wants a login), or the
    /// answer lacks the remote's own mark. Temporary; a pipeline to which nothing was accepted yet believes it after a while and
    /// ends with `WrongEndpoint`.
    Intercepted,
    /// The local disk failed, is full, or may not be written.
    Storage,
    /// A store that is reached over a network (a database, an object store) failed, or cannot be reached.
    RemoteStorage,
    /// Another process holds the checkpoint.
    Locked,
    /// Another process has written the checkpoint since it was loaded.
    Conflict,
    /// A stored record is torn, altered, or belongs to something else.
    Corrupt,
    /// An event cannot be read, mapped, or written in the form of the sink.
    InvalidEvent,
    /// An event has to be dead-lettered and nothing was configured to take it.
    NoDeadLetters,
    /// The configured time without any progress has passed.
    GaveUp,
    /// Another replica holds the lease on the log now: it sends what this one has not.
    LeaseLost,
}

impl ErrorKind {
    /// Its name, for metric labels and logs: it stays as it is.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::WrongEndpoint => "wrong_endpoint",
            Self::HostileLink => "hostile_link",
            Self::TooLarge => "too_large",
            Self::Rejected => "rejected",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Network => "network",
            Self::TimedOut => "timed_out",
            Self::UnexpectedResponse => "unexpected_response",
            Self::Intercepted => "intercepted",
            Self::Storage => "storage",
            Self::RemoteStorage => "remote_storage",
            Self::Locked => "locked",
            Self::Conflict => "conflict",
            Self::Corrupt => "corrupt",
            Self::InvalidEvent => "invalid_event",
            Self::NoDeadLetters => "no_dead_letters",
            Self::GaveUp => "gave_up",
            Self::LeaseLost => "lease_lost",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether, and when, a retry can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetryHint {
    /// A retry cannot help; a person has to act.
    Never,
    /// Retry after the caller's own backoff.
    Backoff,
    /// Retry after the wait that the remote asks for. The caller caps it.
    After(Duration),
}

impl RetryHint {
    /// The hint of a 429: the wait that the remote asks for, at least 1 s. A 429 without a wait, or with one of zero or in the
    /// past, still asks to slow down.
    #[must_use]
    pub fn rate_limited(wait: Option<Duration>) -> Self {
        Self::After(wait.unwrap_or_default().max(Duration::from_secs(1)))
    }
}

/// An error with its kind, a retry hint, one sentence for the operator, and the cause.
///
/// `Display` prints the sentence only; the cause is reached through
/// [`source`](std::error::Error::source). A clone shares it.
///
/// The small errors of this crate and of the adapters become one by `?`.
#[derive(Clone)]
pub struct Error {
    kind: ErrorKind,
    retry: RetryHint,
    detail: String,
    ambiguous: bool,
    source: Option<Arc<Source>>,
}

impl Error {
    /// A permanent error.
    #[must_use]
    pub fn new(kind: ErrorKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            retry: RetryHint::Never,
            detail: detail.into(),
            ambiguous: false,
            source: None,
        }
    }

    /// A temporary error: retried with the caller's backoff.
    #[must_use]
    pub fn temporary(kind: ErrorKind, detail: impl Into<String>) -> Self {
        Self {
            retry: RetryHint::Backoff,
            ..Self::new(kind, detail)
        }
    }

    /// A wrong setting: `field` is its name as the user wrote it. See [`with_source`](Self::with_source) for its cause.
    #[must_use]
    pub fn config(field: &str, detail: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Config, format!("{field}: {detail}"))
    }

    /// Replaces the retry hint.
    #[must_use]
    pub fn with_retry(mut self, retry: RetryHint) -> Self {
        self.retry = retry;
        self
    }

    /// Marks that the remote may have processed the request: the connection was lost after it was sent.
    #[must_use]
    pub fn with_ambiguity(mut self, ambiguous: bool) -> Self {
        self.ambiguous = ambiguous;
        self
    }

    /// Attaches the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<Source>>) -> Self {
        self.source = Some(source.into().into());
        self
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether a retry can help.
    #[must_use]
    pub fn retry(&self) -> RetryHint {
        self.retry
    }

    /// True if a retry can help.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        self.retry != RetryHint::Never
    }

    /// True if the remote refuses the credential, which waiting alone does not change.
    #[cfg(feature = "pipeline")]
    pub(crate) fn is_refused_credential(&self) -> bool {
        matches!(self.kind, ErrorKind::Unauthorized | ErrorKind::Forbidden) && !self.is_temporary()
    }

    /// True if the remote may have processed the request, so that a retry may be a duplicate.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        self.ambiguous
    }

    /// The sentence for the operator.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind)
            .field("retry", &self.retry)
            .field("detail", &self.detail)
            .field("ambiguous", &self.ambiguous)
            .field("source", &self.source)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn std::error::Error + 'static))
    }
}
