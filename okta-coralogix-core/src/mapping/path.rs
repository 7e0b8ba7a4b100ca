//! Paths to a field of an event.

use std::str::FromStr;

use crate::Error;
use crate::json::{Members, elements, string};

/// A path to a field of a LogEvent: `$.actor.alternateId`; `[*]` goes through every element of an array
/// (`$.target[*].displayName`).
///
/// ```
/// use okta_coralogix_core::mapping::FieldPath;
///
/// assert!("$.actor.alternateId".parse::<FieldPath>().is_ok());
/// assert!("actor.alternateId".parse::<FieldPath>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldPath {
    steps: Vec<Step>,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Member(String),
    EachElement,
}

impl FieldPath {
    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The plain text of the string, number or boolean at the path in `json`. Takes the first element where it goes through an
    /// array.
    pub(super) fn scalar(&self, json: &[u8]) -> Option<String> {
        let mut at = std::str::from_utf8(json).ok()?;
        for step in &self.steps {
            at = match step {
                // The last of equal keys counts, as for the event's head.
                Step::Member(name) => Members::of(at)?.values(name).next_back()?,
                Step::EachElement => elements(at)?.into_iter().next()?,
            };
        }
        match at.as_bytes().first()? {
            b'"' => Some(string::plain(at.as_bytes().get(1..at.len() - 1)?).into_owned()),
            b'{' | b'[' | b'n' => None,
            _ => Some(at.to_owned()),
        }
    }
}

impl FromStr for FieldPath {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || {
            Error::config(
                "field path",
                format!("{text:?} should look like `$.actor.alternateId`"),
            )
        };
        let mut steps = Vec::new();
        for part in text.strip_prefix("$.").ok_or_else(wrong)?.split('.') {
            let name = part.trim_end_matches("[*]");
            if name.is_empty() || name.contains(['[', ']', '*', '"', '\'', ' ']) {
                return Err(wrong());
            }
            steps.push(Step::Member(name.to_owned()));
            let arrays = (part.len() - name.len()) / "[*]".len();
            steps.extend(std::iter::repeat_n(Step::EachElement, arrays));
        }
        Ok(Self { steps })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_path_finds_scalars_only() {
        let json = br#"{"a":{"b":"x \u00fc","n":12,"t":true,"z":null,"o":{}},"l":[{"k":"first"},{"k":"2"}],"d":1,"d":2}"#;
        let at = |path: &str| path.parse::<FieldPath>().unwrap().scalar(json);
        assert_eq!(at("$.a.b").as_deref(), Some("x ü"));
        assert_eq!(at("$.a.n").as_deref(), Some("12"));
        assert_eq!(at("$.a.t").as_deref(), Some("true"));
        assert_eq!(at("$.l[*].k").as_deref(), Some("first"));
        assert_eq!(
            at("$.d").as_deref(),
            Some("2"),
            "the last of equal keys counts"
        );
        for path in ["$.a.z", "$.a.o", "$.a", "$.l", "$.x", "$.a.b.c", "$.a[*]"] {
            assert_eq!(at(path), None, "{path}");
        }
    }

    #[test]
    fn field_path_with_unsupported_syntax_is_refused() {
        for path in ["", "$", "$.", "a.b", "$.a..b", "$.a[0]", "$.a.*", "$['a']"] {
            assert!(path.parse::<FieldPath>().is_err(), "{path:?}");
        }
    }
}
