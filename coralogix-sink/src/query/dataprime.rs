//! The text of queries: paths, literals and expressions of DataPrime.
//!
//! The language has no bind parameters, so that everything a setting or an event brings is quoted here.

use std::fmt;
use std::str::FromStr;

use okta_coralogix_core::text::quote;
use okta_coralogix_core::{Error, Result};

use super::event_id::EventId;
use super::slice::{self, TimeSlice};

/// A string literal. The text is one that [`check`] allows, or that was stored.
pub(super) fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('\'');
    for char in text.chars() {
        if matches!(char, '\'' | '\\') {
            out.push('\\');
        }
        out.push(char);
    }
    out.push('\'');
    out
}

/// Refuses what no name holds and no literal can carry for sure: nothing at all, and control characters.
pub(super) fn check(setting: &str, text: &str) -> Result<()> {
    if text.trim().is_empty() {
        return Err(Error::config(
            setting,
            "it is empty; write a name, or leave it out",
        ));
    }
    match text.chars().any(char::is_control) {
        false => Ok(()),
        true => {
            let detail = format!(
                "{} has a control character; write the name as Coralogix shows it",
                quote(text)
            );
            Err(Error::config(setting, detail))
        }
    }
}

/// `$m.timestamp >= @'…' && $m.timestamp < @'…'`: whether the range of a request includes its end is not documented.
pub(super) fn within(slice: TimeSlice) -> String {
    let (start, end) = (slice::text(slice.start()), slice::text(slice.end()));
    format!("$m.timestamp >= @'{start}' && $m.timestamp < @'{end}'")
}

/// `['a', 'b'].arrayContains($d.uuid)`.
pub(super) fn is_one_of<'a>(ids: impl IntoIterator<Item = &'a EventId>, path: &UuidPath) -> String {
    let ids: Vec<_> = ids.into_iter().map(|id| literal(&id.to_string())).collect();
    format!("[{}].arrayContains({path})", ids.join(", "))
}

/// Where the `uuid` of an event is in a stored log: `$d.uuid` by default.
///
/// Written as in a query, with or without the `$d.`: `uuid`, `$d.detail.uuid`, `$d['okta/event'].uuid`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UuidPath(Vec<String>);

impl Default for UuidPath {
    fn default() -> Self {
        Self(vec!["uuid".into()])
    }
}

/// Why a text is no path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "it is no path to a member of an event; write one such as `$d.uuid`, `$d.detail.uuid` or `$d['okta/event'].uuid`"
)]
pub struct ParseUuidPathError;

impl FromStr for UuidPath {
    type Err = ParseUuidPathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let mut rest = match text.strip_prefix("$d") {
            Some(rest) => rest.to_owned(),
            // A name alone.
            None => format!(".{text}"),
        };
        let mut names = Vec::new();
        while !rest.is_empty() {
            let (name, length) = match rest.strip_prefix("['") {
                Some(quoted) => {
                    let end = quoted.find("']").ok_or(ParseUuidPathError)?;
                    (quoted[..end].to_owned(), end + 4)
                }
                None => {
                    let plain = rest.strip_prefix('.').ok_or(ParseUuidPathError)?;
                    let end = plain.find(['.', '[']).unwrap_or(plain.len());
                    let name = &plain[..end];
                    if !is_plain(name) {
                        return Err(ParseUuidPathError);
                    }
                    (name.to_owned(), end + 1)
                }
            };
            let is_odd = |char: char| char.is_control() || matches!(char, '\'' | '\\');
            if name.is_empty() || name.contains(is_odd) {
                return Err(ParseUuidPathError);
            }
            names.push(name);
            rest.drain(..length);
        }
        match names.is_empty() {
            true => Err(ParseUuidPathError),
            false => Ok(Self(names)),
        }
    }
}

impl fmt::Display for UuidPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$d")?;
        for name in &self.0 {
            match is_plain(name) {
                true => write!(f, ".{name}")?,
                false => write!(f, "['{name}']")?,
            }
        }
        Ok(())
    }
}

/// True for a name that needs no quotes.
fn is_plain(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuid_path_is_read_and_written_as_in_a_query() {
        for (written, expected) in [
            ("$d.uuid", "$d.uuid"),
            ("uuid", "$d.uuid"),
            (" detail.uuid ", "$d.detail.uuid"),
            ("$d['detail'].uuid", "$d.detail.uuid"),
            ("$d['okta/event']['uuid']", "$d['okta/event'].uuid"),
        ] {
            let path: UuidPath = written.parse().unwrap();
            assert_eq!(path.to_string(), expected, "{written}");
            assert_eq!(path.to_string().parse(), Ok(path));
        }
        for wrong in [
            "",
            "$d",
            "$d.",
            ".uuid",
            "$m.logid",
            "$d.a b",
            "$d['a",
            "$d['']",
            "$d['a\\'].b",
            "a..b",
            "$d.a | limit 1",
            "uuid == ''",
        ] {
            assert_eq!(
                wrong.parse::<UuidPath>(),
                Err(ParseUuidPathError),
                "{wrong}"
            );
        }
    }

    #[test]
    fn string_literal_cannot_be_left_by_what_it_holds() {
        assert_eq!(literal("okta"), "'okta'");
        assert_eq!(literal("' || true"), r"'\' || true'");
        assert_eq!(literal(r"\' | x"), r"'\\\' | x'");
    }
}
