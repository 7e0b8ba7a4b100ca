//! Where to read on.

#[cfg(doc)]
use crate::checkpoint::Checkpoint;

/// A point to read on from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResumePoint {
    /// The position, as the source writes it: [`Checkpoint::cursor`].
    pub cursor: String,
    /// The latest `published` before it, ms since 1970, where the source knows it.
    pub published_ms: Option<i64>,
}

impl ResumePoint {
    /// A point without a `published_ms`.
    #[must_use]
    pub fn new(cursor: impl Into<String>) -> Self {
        Self {
            cursor: cursor.into(),
            published_ms: None,
        }
    }

    /// Sets the latest `published` before the point.
    #[must_use]
    pub fn with_published_ms(mut self, published_ms: Option<i64>) -> Self {
        self.published_ms = published_ms;
        self
    }
}
