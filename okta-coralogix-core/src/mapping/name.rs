//! The source of an application or subsystem name.

use super::FieldPath;
use crate::filter::Pattern;
use crate::{Error, JsonString, Result};

/// What was asked for an application or subsystem name.
#[derive(Debug, Clone)]
pub(super) struct NameSetting {
    /// The name of events for which the others have none.
    pub(super) fallback: String,
    pub(super) from: NameFrom,
}

/// Where the name of one event is looked up.
#[derive(Debug, Clone)]
pub(super) enum NameFrom {
    /// Nowhere: all have the same.
    Nothing,
    /// In its field at this path.
    Field(String),
    /// In this list, by its type; the first pattern that matches counts.
    EventType(Vec<(String, String)>),
}

impl NameSetting {
    /// The same name for all.
    pub(super) fn fixed(name: impl Into<String>) -> Self {
        Self {
            fallback: name.into(),
            from: NameFrom::Nothing,
        }
    }
}

/// A name that is the same for all, or depends on the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NameSource {
    /// The name, or the one that is used if the event gives none.
    fallback: JsonString,
    lookup: Lookup,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Lookup {
    Nothing,
    Field(FieldPath),
    EventType(Vec<(Pattern, JsonString)>),
}

impl NameSource {
    /// # Errors
    /// If a name is empty or white space, which Coralogix refuses, or a path or a pattern cannot be read.
    pub(super) fn new(field: &str, setting: NameSetting) -> Result<Self> {
        let lookup = match setting.from {
            NameFrom::Nothing => Lookup::Nothing,
            NameFrom::Field(path) => Lookup::Field(path.parse()?),
            NameFrom::EventType(names) => {
                let parse = |(pattern, text): (String, String)| {
                    Ok((Pattern::parse(field, pattern)?, name(field, &text)?))
                };
                Lookup::EventType(names.into_iter().map(parse).collect::<Result<_>>()?)
            }
        };
        Ok(Self {
            fallback: name(field, &setting.fallback)?,
            lookup,
        })
    }

    /// True if the name does not depend on the event.
    pub(super) fn is_fixed(&self) -> bool {
        self.lookup == Lookup::Nothing
    }

    /// The name for the event `json` of this type.
    pub(super) fn of(&self, json: &[u8], event_type: Option<&str>) -> JsonString {
        let found = match &self.lookup {
            Lookup::Nothing => None,
            Lookup::Field(path) => path
                .scalar(json)
                .filter(|name| !name.trim().is_empty())
                .map(|name| JsonString::escape(&name)),
            Lookup::EventType(names) => event_type.and_then(|event_type| {
                let named = names
                    .iter()
                    .find(|(pattern, _)| pattern.matches(event_type));
                named.map(|(_, name)| name.clone())
            }),
        };
        found.unwrap_or_else(|| self.fallback.clone())
    }
}

fn name(field: &str, text: &str) -> Result<JsonString> {
    if text.trim().is_empty() {
        return Err(Error::config(field, "the name must not be empty"));
    }
    Ok(JsonString::escape(text))
}
