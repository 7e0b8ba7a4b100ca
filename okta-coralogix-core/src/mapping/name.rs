//! The source of an application or subsystem name.

use super::FieldPath;
use crate::{Error, JsonString, Result};

/// A name that is the same for all, or taken from a field of the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NameSource {
    /// The name, or the one that is used if the field has none.
    fallback: JsonString,
    path: Option<FieldPath>,
}

impl NameSource {
    /// # Errors
    /// If the name is empty or white space, which Coralogix refuses.
    pub(super) fn new(field: &str, fallback: &str, path: Option<&str>) -> Result<Self> {
        if fallback.trim().is_empty() {
            return Err(Error::config(field, "the name must not be empty"));
        }
        Ok(Self {
            fallback: JsonString::escape(fallback),
            path: path.map(str::parse).transpose()?,
        })
    }

    /// True if the name does not depend on the event.
    pub(super) fn is_fixed(&self) -> bool {
        self.path.is_none()
    }

    /// The name for the event `json`.
    pub(super) fn of(&self, json: &[u8]) -> JsonString {
        let found = self.path.as_ref().and_then(|path| path.scalar(json));
        match found {
            Some(name) if !name.trim().is_empty() => JsonString::escape(&name),
            _ => self.fallback.clone(),
        }
    }
}
