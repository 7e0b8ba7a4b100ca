//! The members of a JSON object, and the elements of an array, as slices of its text: no tree is built.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::string;

/// The members of an object in their order; a key that is there twice has two.
#[derive(Debug, Clone)]
pub struct Members<'a>(Vec<Member<'a>>);

/// A member of an object.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// The key as it is spelt, with its quotes.
    pub(crate) raw_key: &'a str,
    /// The JSON of the value.
    pub value: &'a str,
}

impl<'a> Member<'a> {
    /// The key in plain text; one that spells half a surrogate pair, as it is spelt.
    #[must_use]
    pub fn key(&self) -> Cow<'a, str> {
        string::plain(&self.raw_key.as_bytes()[1..self.raw_key.len() - 1])
    }
}

impl<'a> Members<'a> {
    /// `None` if `json` is no object.
    #[must_use]
    pub fn of(json: &'a str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }

    /// All members.
    #[must_use]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Member<'a>> {
        self.0.iter().copied()
    }

    /// The values under `key`, however it is spelt.
    #[must_use]
    pub fn values(&self, key: &str) -> impl DoubleEndedIterator<Item = &'a str> {
        let found = self.iter().filter(move |member| member.key() == key);
        found.map(|member| member.value)
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((key, value)) = map.next_entry::<&RawValue, &RawValue>()? {
                    members.push(Member {
                        raw_key: key.get(),
                        value: value.get(),
                    });
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(MembersVisitor)
    }
}

/// The elements of an array; `None` if `json` is none.
#[must_use]
pub fn elements(json: &str) -> Option<Vec<&str>> {
    let elements: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    Some(elements.into_iter().map(RawValue::get).collect())
}

/// The range of `part`, a slice of `whole`, in it.
///
/// # Panics
/// May panic if it is no slice of it.
#[must_use]
pub fn substr_range(whole: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr().addr() - whole.as_ptr().addr();
    start..start + part.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_in_any_spelling_and_when_repeated() {
        let text = r#" {"a" : [1, 2] ,"\u0061":{"b":null},"c":3}"#;
        let members = Members::of(text).unwrap();
        let found: Vec<_> = members.values("a").collect();
        assert_eq!(found, ["[1, 2]", r#"{"b":null}"#]);
        assert_eq!(substr_range(text, found[0]), 8..14);
        assert_eq!(elements(found[0]), Some(vec!["1", "2"]));
        for other in ["[]", "1", "", "{", r#"{"a":1}x"#] {
            assert!(Members::of(other).is_none(), "{other}");
        }
    }
}
