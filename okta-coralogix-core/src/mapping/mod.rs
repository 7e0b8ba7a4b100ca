//! From an event to a log entry.

mod closure;
pub(crate) mod coralogix;
mod member;
mod name;
mod path;
mod redact;
mod severity;

pub use closure::{Adjusted, MapWith, map_with};
pub use coralogix::{CoralogixMappingBuilder, TextForm};
pub use path::FieldPath;
pub use redact::Redaction;

use std::sync::Arc;

use serde::Serialize;
use thiserror::Error;

use crate::{ErrorKind, LogEntry, Names, Origin, RawEvent};

/// Makes a log entry of an event: pure and synchronous.
///
/// # Implementing
/// The same event always gives the same entry, since an event may be mapped again after a restart.
pub trait Mapping: Send + Sync + 'static {
    /// The entry for `event`.
    ///
    /// # Errors
    /// If no entry can be made; the event then goes to the dead letters.
    fn map(&self, event: &RawEvent) -> Result<LogEntry, MappingError>;

    /// The names of an event's entry, for its dead letter. `event` is `None` if it could not be read as one. Default: `None`, it is not
    /// told.
    fn names(&self, _origin: &Origin, _event: Option<&RawEvent>) -> Option<Arc<Names>> {
        None
    }

    /// This mapping, whose entries `adjust` changes: [`LogEntry::set_member`] adds a member to the text, say. `adjust` must give the same
    /// for the same event.
    fn adjusted<F>(self, adjust: F) -> Adjusted<Self, F>
    where
        Self: Sized,
        F: Fn(&RawEvent, LogEntry) -> Result<LogEntry, MappingError> + Send + Sync + 'static,
    {
        Adjusted::new(self, adjust)
    }
}

debug_by_name!(Mapping);

impl LogEntry {
    /// Sets a member of the entry's text, which must be a JSON object: in place of what is there under this key, however it is spelt, else
    /// at its end. The text is copied.
    ///
    /// # Errors
    /// If the text is no JSON object, or `value` cannot be written as JSON.
    pub fn set_member<V: Serialize + ?Sized>(
        &mut self,
        key: &str,
        value: &V,
    ) -> Result<(), MappingError> {
        let document = member::with_member(self.text.document(), key, value)?;
        self.text = self.text.with_document(document);
        Ok(())
    }
}

macro_rules! forward {
    ($($pointer:ident)*) => {$(
        impl<M: Mapping + ?Sized> Mapping for $pointer<M> {
            fn map(&self, event: &RawEvent) -> Result<LogEntry, MappingError> {
                (**self).map(event)
            }

            fn names(&self, origin: &Origin, event: Option<&RawEvent>) -> Option<Arc<Names>> {
                (**self).names(origin, event)
            }
        }
    )*};
}

forward!(Arc Box);

/// Why no entry can be made of an event.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct MappingError(String);

impl MappingError {
    /// An error, with why no entry can be made.
    #[must_use]
    pub fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl From<MappingError> for crate::Error {
    fn from(error: MappingError) -> Self {
        Self::new(ErrorKind::InvalidEvent, error.0.as_str()).with_source(error)
    }
}
