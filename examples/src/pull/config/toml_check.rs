//! What is wrong in the form of the file: said with the line, the key and an example, and without a text, which may be a secret in the
//! wrong place.

use std::borrow::Cow;

use clap::CommandFactory;
use okta_coralogix_core::{Error, ErrorKind, Result};
use toml::de::{DeTable, DeValue};

use super::keys::{self, CORALOGIX};
use crate::program::args::variable;
use crate::program::nearest::nearest;
use crate::pull::PullArgs;

/// How each key is written that is no flag.
const EXAMPLES: &[(&str, &str)] = &[
    ("name", "name = \"acme\""),
    ("subsystem", "subsystem = \"acme\""),
    ("account", "account = \"acme\""),
    ("org_url", "org_url = \"acme.okta.com\""),
    ("okta_domain", "okta_domain = \"acme.okta.com\""),
    ("client_id", "client_id = \"0oa1abcdefGHIJKLM5d7\""),
    ("private_key_id", "private_key_id = \"my-key\""),
    ("scopes", "scopes = [\"okta.logs.read\"]"),
    ("domain", "domain = \"EU2\""),
    (
        "endpoint",
        "endpoint = \"https://ingress.eu2.coralogix.com\"",
    ),
    ("application", "application = \"okta\""),
    (
        "query_endpoint",
        "query_endpoint = \"https://api.eu2.coralogix.com\"",
    ),
];

/// The keys of secrets, whose values are read by a rule of their own.
pub(super) const SECRETS: &[&str] = &[
    "api_token",
    "private_key",
    "client_secret",
    "api_key",
    "query_key",
    "hash_salt",
];

/// The text of a file, for its lines.
struct Source<'a>(&'a str);

type Entries<'a, 'b> = &'b DeTable<'a>;

/// # Errors
/// `Config`: no TOML, an unknown key, a value of a wrong type.
pub(super) fn check(text: &str) -> Result<()> {
    let source = Source(text);
    let parsed = DeTable::parse(text).map_err(|error| source.of_parser(&error))?;
    let table = parsed.get_ref();
    source.keys("", table, &keys::common())?;
    for (key, value) in table {
        let (key, start) = (&**key.get_ref(), key.span().start);
        match (key, value.get_ref()) {
            ("coralogix", value) => source.coralogix("coralogix", value, start)?,
            ("integration", DeValue::Array(all)) => {
                for one in all {
                    match one.get_ref() {
                        DeValue::Table(one) => source.integration(one)?,
                        _ => return Err(source.wrong(start, ORGS)),
                    }
                }
            }
            ("integration", _) => return Err(source.wrong(start, ORGS)),
            _ => {}
        }
    }
    Ok(())
}

/// The error of a text that was checked, and yet cannot be read.
pub(super) fn of_parser(error: &toml::de::Error, text: &str) -> Error {
    Source(text).of_parser(error)
}

const ORGS: &str =
    "the orgs are not written so: write `[[integration]]`, in double brackets, before each org";

impl Source<'_> {
    fn integration(&self, table: Entries<'_, '_>) -> Result<()> {
        let named = table.iter().find(|(key, _)| &**key.get_ref() == "name");
        let name = match named.map(|(_, value)| value.get_ref()) {
            Some(DeValue::String(name)) => format!("{name:?}"),
            _ => "\"without a name\"".to_owned(),
        };
        let at = format!("integration {name}");
        self.keys(&at, table, &keys::integration())?;
        for (key, value) in table {
            if &**key.get_ref() == "coralogix" {
                let at = format!("{at}, coralogix");
                self.coralogix(&at, value.get_ref(), key.span().start)?;
            }
        }
        Ok(())
    }

    fn coralogix(&self, at: &str, value: &DeValue<'_>, start: usize) -> Result<()> {
        match value {
            DeValue::Table(table) => self.keys(at, table, CORALOGIX),
            _ => {
                let advice = "coralogix is one table: write `[coralogix]`, in single brackets, or `coralogix = { domain = \"EU2\" }`";
                Err(self.wrong(start, advice))
            }
        }
    }

    /// Refuses an unknown key, which would be a setting without effect, and a value of another type.
    fn keys(&self, at: &str, table: Entries<'_, '_>, known: &[&str]) -> Result<()> {
        let at = match at {
            "" => String::new(),
            at => format!("{at}: "),
        };
        for (key, value) in table {
            let (name, start) = (&**key.get_ref(), key.span().start);
            if !known.contains(&name) {
                let meant = meant(name, known);
                let detail = format!("{at}the key `{name}` is unknown; {meant}");
                return Err(self.wrong(start, &detail));
            }
            if let Some(example) = example(name)
                && let Some(found) = mistaken(value.get_ref(), &example)
            {
                let detail = format!("{at}{name}: is {found}; write for example `{example}`");
                return Err(self.wrong(start, &detail));
            }
        }
        Ok(())
    }

    /// An error of the parser, whose message repeats nothing of the text.
    fn of_parser(&self, error: &toml::de::Error) -> Error {
        let start = error.span().map_or(0, |span| span.start);
        let before = self.0.get(..start).unwrap_or(self.0);
        let line = self.0.lines().nth(before.matches('\n').count());
        let key = line.and_then(|line| line.split_once('='));
        let key = key.map_or("", |(key, _)| key.trim());
        let message = error.message().trim_end();
        match example(key) {
            Some(example) => {
                let detail = format!("{key}: {message}; write for example `{example}`");
                self.wrong(start, &detail)
            }
            None if SECRETS.contains(&key) => {
                let example = "{ env = \"NAME\" }` or `{ file = \"PATH\" }";
                let message = match message.starts_with("invalid type") {
                    // It repeats the value.
                    true => "what it names is no text in quotes",
                    false => message,
                };
                let detail = format!("{key}: {message}; write for example `{key} = {example}`");
                self.wrong(start, &detail)
            }
            None if line.is_some_and(|line| line.trim() == "[coralogix]") => {
                let advice = "there is one such table, for all integrations; one with another place has its own: `coralogix = { domain = \"EU2\" }`";
                self.wrong(start, &format!("{message}; {advice}"))
            }
            None => self.wrong(start, message),
        }
    }

    fn wrong(&self, start: usize, detail: &str) -> Error {
        let before = self.0.get(..start).unwrap_or(self.0);
        let line = before.matches('\n').count() + 1;
        Error::new(ErrorKind::Config, format!("line {line}: {detail}"))
    }
}

/// What was meant by an unknown key: a variable or a flag may have been written in its place.
fn meant(name: &str, known: &[&str]) -> String {
    let plain = name.to_ascii_lowercase().replace('-', "_");
    let plain = plain.strip_prefix("okta_coralogix_").unwrap_or(&plain);
    let flag = format!("--{}", plain.replace('_', "-"));
    let command = PullArgs::command();
    let mut flags = command.get_arguments().filter_map(|arg| arg.get_long());
    let is_flag = !known.contains(&plain) && flags.any(|long| flag == format!("--{long}"));
    match nearest(plain, known.iter().copied()) {
        _ if is_flag => format!(
            "it is no setting of this file: write the flag {flag}, or the variable {}",
            variable(&flag)
        ),
        Some(key) => format!("`{key}` is meant, perhaps"),
        None => format!("there are {}", known.join(", ")),
    }
}

fn example(key: &str) -> Option<Cow<'static, str>> {
    let found = EXAMPLES.iter().find(|(known, _)| *known == key);
    if let Some((_, example)) = found {
        return Some(Cow::Borrowed(example));
    }
    let mut declared = keys::declared();
    let about = declared.find(|about| about.key == key)?;
    Some(Cow::Owned(about.line_of_file()))
}

/// What the value is, if it is of another type than the one of the example.
fn mistaken(value: &DeValue<'_>, example: &str) -> Option<&'static str> {
    let (key, right) = example.split_once(" = ")?;
    let declared = keys::declared().find(|about| about.key == key);
    let is_declared = declared.is_some();
    let is_bytes = declared.is_some_and(|about| about.value == "BYTES");
    let expected = kind_of_example(right);
    let found = kind(value);
    let is_right = match expected {
        NUMBER => [NUMBER, INTEGER, TEXT].contains(&found),
        // A text with commas, or `true` in quotes, has one meaning only.
        // Bytes without a unit.
        TEXT if is_bytes => found == expected || found == INTEGER,
        LIST | SWITCH | INTEGER if is_declared => found == expected || found == TEXT,
        _ => found == expected,
    };
    (!is_right).then_some(found)
}

const TEXT: &str = "a text in quotes";
const NUMBER: &str = "a number";
const INTEGER: &str = "a whole number";
const SWITCH: &str = "true or false, without quotes";
const LIST: &str = "a list";
const TABLE: &str = "a table";
const DATE: &str = "a date without quotes";

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => TEXT,
        DeValue::Integer(_) => INTEGER,
        DeValue::Float(_) => NUMBER,
        DeValue::Boolean(_) => SWITCH,
        DeValue::Datetime(_) => DATE,
        DeValue::Array(_) => LIST,
        DeValue::Table(_) => TABLE,
    }
}

fn kind_of_example(value: &str) -> &'static str {
    match value.as_bytes().first() {
        Some(b'"' | b'\'') => TEXT,
        Some(b'[') => LIST,
        Some(b't' | b'f') => SWITCH,
        _ if value.contains('.') => NUMBER,
        _ => INTEGER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLES: &[&str] = &["coralogix", "integration"];

    #[test]
    fn each_key_has_an_example_that_is_right() {
        let (common, integration) = (keys::common(), keys::integration());
        for key in common.iter().chain(&integration).chain(CORALOGIX) {
            match example(key) {
                Some(example) => {
                    let parsed = DeTable::parse(&example).unwrap();
                    let (name, value) = parsed.get_ref().iter().next().unwrap();
                    assert_eq!(name.get_ref(), key);
                    assert_eq!(mistaken(value.get_ref(), &example), None, "{key}");
                }
                None => assert!(
                    SECRETS.contains(key) || TABLES.contains(key),
                    "{key} has no example"
                ),
            }
        }
    }

    #[test]
    fn error_names_line_key_and_example() {
        for (text, expected) in [
            (
                "[[integration]]\nname = \"a\"\npoll_interval = 30",
                "line 3: integration \"a\": poll_interval: is a whole number; write for example `poll_interval = \"30s\"`",
            ),
            (
                "[[integration]]\nname = \"a\"\npoll_interval = 30s",
                "line 3: poll_interval: ",
            ),
            (
                "[[integration]]\norg_url = acme.okta.com",
                "line 2: org_url: ",
            ),
            (
                "[[integration]]\nsince = 2026-11-22T10:00:00Z",
                "since: is a date without quotes; write for example `since = \"24h\"`",
            ),
            (
                "[[integration]]\nscopes = \"okta.logs.read\"",
                "line 2: integration \"without a name\": scopes: is a text in quotes; write for example `scopes = [\"okta.logs.read\"]`",
            ),
            (
                "too_old = true\n[[integration]]",
                "line 1: too_old: is true or false, without quotes; write for example `too_old = \"dead-letter\"`",
            ),
            (
                "[coralogix]\ndomain = [\"EU2\"]",
                "line 2: coralogix: domain: is a list; write for example `domain = \"EU2\"`",
            ),
            (
                "\n[integration]\nname = \"a\"",
                "line 2: the orgs are not written so: write `[[integration]]`",
            ),
            (
                "integration = [\"a\"]",
                "line 1: the orgs are not written so",
            ),
            (
                "[[coralogix]]\ndomain = \"EU2\"",
                "line 1: coralogix is one table: write `[coralogix]`",
            ),
            (
                "[[integration]]\nname = \"a\"\ncoralogix = \"EU2\"",
                "line 3: coralogix is one table",
            ),
            (
                "[[integration]]\nname = \"a\"\ncoralogix = { domian = \"EU2\" }",
                "line 3: integration \"a\", coralogix: the key `domian` is unknown; `domain` is meant, perhaps",
            ),
            (
                "\n\n[[integrations]]",
                "line 3: the key `integrations` is unknown; `integration` is meant, perhaps",
            ),
            ("[[integration]\nname = \"a\"", "line 1: "),
            (
                "[[integration]]\nname = \"a\"\nname = \"b\"",
                "line 3: name: ",
            ),
        ] {
            let error = check(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(
                error.detail().contains(expected),
                "{error}\nshould contain {expected}"
            );
        }
    }

    #[test]
    fn error_of_the_form_repeats_no_value() {
        for text in [
            "[[integration]]\napi_token = 00secret",
            "[[integration]]\napi_token = { env = 00secret }",
            "[[integration]]\nclient_id = 00secret",
            "[[integration]]\nname = \"00secret",
            "[[integration]]\nname = [\"00secret\"]",
            "00secret",
        ] {
            let error = check(text).unwrap_err();
            assert!(!error.detail().contains("00secret"), "{error}");
        }
    }
}
