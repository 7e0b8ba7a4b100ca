//! Dropping or hashing named fields before anything leaves the process.

use std::fmt::Write;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::path::Step;
use super::{FieldPath, MappingError};
use crate::json::{Members, elements, string};
use crate::{Result, Secret};

/// Fields of the LogEvent that are dropped or hashed. Opt-in; everything else stays byte for byte as it was.
///
/// A key matches however it is spelt (with `\u` escapes, for example) and however often it occurs.
#[derive(Debug, Clone, Default)]
pub struct Redaction {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    path: FieldPath,
    action: Action,
}

#[derive(Debug, Clone)]
enum Action {
    Drop,
    /// SHA-256 over this salt and the value.
    Hash(Secret),
}

impl Redaction {
    /// No rule.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Removes the member at `path`.
    ///
    /// # Errors
    /// `Config` if the path cannot be read.
    pub fn drop_field(self, path: &str) -> Result<Self> {
        self.with(path, Action::Drop)
    }

    /// Replaces the value at `path` by `"sha256:<64 hex digits>"` over `salt` and the value (a string's plain text, the JSON of
    /// anything else). The same value and salt give the same digest, so that events can still be joined. `null` stays.
    ///
    /// # Errors
    /// `Config` if the path cannot be read.
    pub fn hash_field(self, path: &str, salt: Secret) -> Result<Self> {
        self.with(path, Action::Hash(salt))
    }

    fn with(mut self, path: &str, action: Action) -> Result<Self> {
        self.rules.push(Rule {
            path: path.parse()?,
            action,
        });
        Ok(self)
    }

    /// True if there is no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// True if a rule touches the top-level member `name`.
    pub(super) fn touches(&self, name: &str) -> bool {
        let hits = |rule: &Rule| matches!(rule.path.steps().first(), Some(Step::Member(first)) if first == name);
        self.rules.iter().any(hits)
    }

    /// `json` with all rules applied.
    pub(super) fn apply(&self, json: &[u8]) -> Result<Bytes, MappingError> {
        let text = std::str::from_utf8(json).map_err(|_| unreadable())?;
        let active: Vec<_> = self
            .rules
            .iter()
            .map(|rule| (rule.path.steps(), &rule.action))
            .collect();
        let mut out = String::with_capacity(json.len());
        rewrite(text, &active, &mut out)?;
        Ok(Bytes::from(out))
    }
}

pub(super) fn unreadable() -> MappingError {
    MappingError("the JSON around a field to be redacted cannot be read".into())
}

/// Copies the value `json` with the rules whose paths start here.
fn rewrite(
    json: &str,
    active: &[(&[Step], &Action)],
    out: &mut String,
) -> Result<(), MappingError> {
    if active.is_empty() {
        out.push_str(json);
        return Ok(());
    }
    if let Some((_, Action::Hash(salt))) = active.iter().find(|(steps, _)| steps.is_empty()) {
        hash(json, salt, out);
        return Ok(());
    }
    match json.trim_start().as_bytes().first() {
        Some(b'{') => rewrite_object(json, active, out),
        Some(b'[') => rewrite_array(json, active, out),
        _ => {
            out.push_str(json);
            Ok(())
        }
    }
}

fn rewrite_object(
    json: &str,
    active: &[(&[Step], &Action)],
    out: &mut String,
) -> Result<(), MappingError> {
    out.push('{');
    let mut first = true;
    for member in Members::of(json).ok_or_else(unreadable)?.iter() {
        let key = member.key();
        let below: Vec<_> = active
            .iter()
            .filter_map(|(steps, action)| match steps.split_first() {
                Some((Step::Member(name), rest)) if *name == key => Some((rest, *action)),
                _ => None,
            })
            .collect();
        if is_dropped(&below) {
            continue;
        }
        if !std::mem::take(&mut first) {
            out.push(',');
        }
        out.push_str(member.raw_key);
        out.push(':');
        rewrite(member.value, &below, out)?;
    }
    out.push('}');
    Ok(())
}

fn rewrite_array(
    json: &str,
    active: &[(&[Step], &Action)],
    out: &mut String,
) -> Result<(), MappingError> {
    let below: Vec<_> = active
        .iter()
        .filter_map(|(steps, action)| match steps.split_first() {
            Some((Step::EachElement, rest)) => Some((rest, *action)),
            // A path that forgets the array means all of its elements: better too much than a name that goes out.
            Some((Step::Member(_), _)) => Some((*steps, *action)),
            None => None,
        })
        .collect();
    if below.is_empty() {
        out.push_str(json);
        return Ok(());
    }
    out.push('[');
    let mut first = true;
    for element in elements(json).ok_or_else(unreadable)? {
        if is_dropped(&below) {
            continue;
        }
        if !std::mem::take(&mut first) {
            out.push(',');
        }
        rewrite(element, &below, out)?;
    }
    out.push(']');
    Ok(())
}

fn is_dropped(rules: &[(&[Step], &Action)]) -> bool {
    rules
        .iter()
        .any(|(steps, action)| steps.is_empty() && matches!(action, Action::Drop))
}

fn hash(json: &str, salt: &Secret, out: &mut String) {
    if json == "null" {
        out.push_str(json);
        return;
    }
    let mut digest = Sha256::new();
    digest.update(salt.expose());
    match json
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    {
        Some(inside) => digest.update(string::plain(inside.as_bytes()).as_bytes()),
        None => digest.update(json),
    }
    out.push_str("\"sha256:");
    for byte in digest.finalize() {
        write!(out, "{byte:02x}").expect("writing to a string cannot fail");
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(redaction: &Redaction, json: &str) -> String {
        String::from_utf8(redaction.apply(json.as_bytes()).unwrap().to_vec()).unwrap()
    }

    #[test]
    fn redaction_drops_a_member_and_leaves_other_values_unchanged() {
        let redaction = Redaction::new()
            .drop_field("$.actor.alternateId")
            .and_then(|r| r.drop_field("$.target[*].displayName"))
            .unwrap();
        let json = r#"{"n": 1.50,"actor":{"alternateId":"a@b.c","id":"x\u00fc"},"target":[{"displayName":"A","id":"1"},{"id":"2"},null], "client" : { "x" : 1e2 }}"#;
        let expected = r#"{"n":1.50,"actor":{"id":"x\u00fc"},"target":[{"id":"1"},{"id":"2"},null],"client":{ "x" : 1e2 }}"#;
        assert_eq!(apply(&redaction, json), expected);
    }

    #[test]
    fn redaction_path_without_array_marker_covers_all_elements() {
        let redaction = Redaction::new().drop_field("$.target.name").unwrap();
        let json = r#"{"target":[{"name":"A","id":1},{"name":"B"}]}"#;
        assert_eq!(apply(&redaction, json), r#"{"target":[{"id":1},{}]}"#);
    }

    #[test]
    fn redaction_finds_keys_in_any_spelling() {
        let redaction = Redaction::new().drop_field("$.actor").unwrap();
        assert_eq!(
            apply(&redaction, r#"{"\u0061ctor":1,"a":2,"actor":3}"#),
            r#"{"a":2}"#
        );
    }

    #[test]
    fn redaction_hash_is_salted_sha_256_of_the_plain_value() {
        let redaction = Redaction::new()
            .hash_field("$.a", Secret::from("salt"))
            .unwrap();
        // printf 'saltü' | sha256sum
        let digest = "61aab43d109ee1027a8f71a88ef36a43178d131ebc712addb8188251b93c5b25";
        let hashed = apply(&redaction, r#"{"a":"\u00fc"}"#);
        assert_eq!(hashed, apply(&redaction, r#"{"a":"ü"}"#));
        assert!(
            hashed.starts_with(&format!("{{\"a\":\"sha256:{digest}")),
            "{hashed}"
        );
        assert_eq!(apply(&redaction, r#"{"a":null}"#), r#"{"a":null}"#);
    }
}
