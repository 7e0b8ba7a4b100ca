//! Mappings made of closures.

use std::fmt;
use std::sync::Arc;

use super::{Mapping, MappingError};
use crate::{LogEntry, Names, Origin, RawEvent};

/// A mapping that is a function: see [`map_with`].
pub struct MapWith<F>(F);

/// A mapping whose entries a function changes: see [`Mapping::adjusted`].
pub struct Adjusted<M, F> {
    mapping: M,
    adjust: F,
}

/// A mapping that calls `map`, which must give the same entry for the same event.
///
/// ```
/// use std::sync::Arc;
/// use okta_coralogix_core::mapping::map_with;
/// use okta_coralogix_core::{EntryText, LogEntry, Names};
///
/// let names = Arc::new(Names::new("okta", "acme"));
/// let mapping = map_with(move |event| Ok(LogEntry::new(Arc::clone(&names), EntryText::Escaped(event.json()))));
/// # let _: &dyn okta_coralogix_core::Mapping = &mapping;
/// ```
pub fn map_with<F>(map: F) -> MapWith<F>
where
    F: Fn(&RawEvent) -> Result<LogEntry, MappingError> + Send + Sync + 'static,
{
    MapWith(map)
}

impl<F> fmt::Debug for MapWith<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MapWith")
    }
}

impl<F> Mapping for MapWith<F>
where
    F: Fn(&RawEvent) -> Result<LogEntry, MappingError> + Send + Sync + 'static,
{
    fn map(&self, event: &RawEvent) -> Result<LogEntry, MappingError> {
        (self.0)(event)
    }

    fn names(&self, _: &Origin, event: Option<&RawEvent>) -> Option<Arc<Names>> {
        Some(self.map(event?).ok()?.names)
    }
}

impl<M, F> Adjusted<M, F> {
    pub(super) fn new(mapping: M, adjust: F) -> Self {
        Self { mapping, adjust }
    }
}

impl<M: fmt::Debug, F> fmt::Debug for Adjusted<M, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Adjusted").field(&self.mapping).finish()
    }
}

impl<M, F> Mapping for Adjusted<M, F>
where
    M: Mapping,
    F: Fn(&RawEvent, LogEntry) -> Result<LogEntry, MappingError> + Send + Sync + 'static,
{
    fn map(&self, event: &RawEvent) -> Result<LogEntry, MappingError> {
        (self.adjust)(event, self.mapping.map(event)?)
    }

    fn names(&self, origin: &Origin, event: Option<&RawEvent>) -> Option<Arc<Names>> {
        match event {
            // The function may have changed them.
            Some(event) => self.map(event).ok().map(|entry| entry.names),
            None => self.mapping.names(origin, None),
        }
    }
}
