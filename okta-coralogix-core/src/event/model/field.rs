//! A member of a JSON object that may be anything.

use std::borrow::Cow;

use serde::Serialize;
use serde::ser::SerializeMap;
use serde_json::{Map, Value};

use super::from_json::FromJson;

/// A member of one of Okta's objects.
///
/// [`get`](Self::get) gives what most readers want; the four cases are kept apart so that an event can be written again
/// as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Field<T> {
    /// The object has no such member.
    #[default]
    Absent,
    /// The member is `null`.
    Null,
    /// The member has the type that Okta documents.
    Value(T),
    /// The member is of another type: a postal code written as a number, `debugContext` as an array.
    Other(Value),
}

impl<T> Field<T> {
    /// The value, if there is one of the documented type.
    #[must_use]
    pub fn get(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            _ => None,
        }
    }

    /// The value of another type than Okta documents, if that is what the member is.
    #[must_use]
    pub fn other(&self) -> Option<&Value> {
        match self {
            Self::Other(value) => Some(value),
            _ => None,
        }
    }

    /// True if the object has no such member.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// True if the member is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

impl Field<String> {
    /// The text, if the member is a string. Beware of the strings `null`, `unknown` and `UNKNOWN`, which Okta writes too.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        self.get().map(String::as_str)
    }

    /// The text, also of a number or boolean.
    #[must_use]
    pub fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Value(text) => Some(Cow::Borrowed(text)),
            Self::Other(value @ (Value::Number(_) | Value::Bool(_))) => {
                Some(Cow::Owned(value.to_string()))
            }
            _ => None,
        }
    }
}

impl<T> From<T> for Field<T> {
    fn from(value: T) -> Self {
        Self::Value(value)
    }
}

impl From<&str> for Field<String> {
    fn from(text: &str) -> Self {
        Self::Value(text.to_owned())
    }
}

impl<T> From<Option<T>> for Field<T> {
    /// `None` is an absent member.
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Self::Value)
    }
}

/// Takes the member out of `members` that has the first of these names that there is; notes it in `aliases` if it is not
/// the very first.
pub(super) fn take<T: FromJson>(
    members: &mut Map<String, Value>,
    names: &[&'static str],
    aliases: &mut Vec<&'static str>,
) -> Field<T> {
    let present = names.iter().position(|name| members.contains_key(*name));
    let name = names[present.unwrap_or_default()];
    if present > Some(0) {
        aliases.push(name);
    }
    match members.remove(name) {
        None => Field::Absent,
        Some(Value::Null) => Field::Null,
        Some(value) if T::fits(&value) => T::from_json(value).into(),
        Some(value) => Field::Other(value),
    }
}

/// The one of these names by which the member was read.
pub(super) fn name(names: &[&'static str], aliases: &[&str]) -> &'static str {
    let is_alias = |name: &&&str| aliases.contains(*name);
    names.iter().find(is_alias).unwrap_or(&names[0])
}

/// Writes the member, if it is not absent.
pub(super) fn write<T: Serialize, M: SerializeMap>(
    map: &mut M,
    key: &str,
    field: &Field<T>,
) -> Result<(), M::Error> {
    match field {
        Field::Absent => Ok(()),
        Field::Null => map.serialize_entry(key, &()),
        Field::Value(value) => map.serialize_entry(key, value),
        Field::Other(value) => map.serialize_entry(key, value),
    }
}
