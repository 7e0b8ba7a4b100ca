//! From an event to a log entry.

mod coralogix;
mod name;
mod path;
mod redact;
mod severity;

pub use coralogix::{CoralogixMapping, CoralogixMappingBuilder, TextForm};
pub use path::FieldPath;
pub use redact::Redaction;
pub use severity::SeverityTable;

use std::fmt::Debug;
use std::sync::Arc;

use thiserror::Error;

use crate::{LogEntry, Names, Origin, RawEvent};

/// Makes a log entry of an event: pure and synchronous.
///
/// # Implementing
/// The same event always gives the same entry, since an event may be mapped again after a restart.
pub trait Mapping: Debug + Send + Sync + 'static {
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
}

impl<M: Mapping + ?Sized> Mapping for Arc<M> {
    fn map(&self, event: &RawEvent) -> Result<LogEntry, MappingError> {
        (**self).map(event)
    }

    fn names(&self, origin: &Origin, event: Option<&RawEvent>) -> Option<Arc<Names>> {
        (**self).names(origin, event)
    }
}

/// Why no entry can be made of an event.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct MappingError(pub String);
