//! Secrets in keys of the file that are none of secrets: what these have is sent, and shown.

use std::path::Path;

use okta_coralogix_core::internal::text::{MAX_SECRET_BYTES, read_text_file_but_no_pipe};
use okta_coralogix_core::{Error, ErrorKind, Result, Secret};
use toml::de::{DeTable, DeValue};

use super::toml_check::SECRETS;
use crate::program::Environment;
use crate::program::secrets::{SetSecret, misplaced};

/// # Errors
/// `Config`, which names line and key and repeats nothing of the value. A text that is no TOML is not judged.
pub(super) fn check(text: &str, folder: &Path, environment: &Environment) -> Result<()> {
    let Ok(parsed) = DeTable::parse(text) else {
        return Ok(());
    };
    let mut secrets = Vec::new();
    // What a misspelt key asks for may be a secret too; it may as well be a name, which values have.
    let mut of_others = Vec::new();
    visit_table(parsed.get_ref(), &mut |key, value, _| {
        if let Some(secret) = secret_of(value, folder, environment) {
            let (list, setting) = match SECRETS.contains(&key) {
                true => (&mut secrets, key),
                false => (&mut of_others, "another key"),
            };
            list.extend(SetSecret::all_in(key, setting, secret));
        }
        Ok(())
    })?;
    visit_table(parsed.get_ref(), &mut |key, value, start| {
        // An unknown key is repeated as one.
        for secrets in [&secrets, &of_others] {
            judge(text, "a key", key, start, secrets)?;
        }
        match value {
            DeValue::String(value) if !SECRETS.contains(&key) => {
                judge(text, key, value, start, &secrets)
            }
            _ => Ok(()),
        }
    })
}

fn judge(text: &str, key: &str, value: &str, start: usize, secrets: &[SetSecret]) -> Result<()> {
    let Some(fault) = misplaced(value, secrets) else {
        return Ok(());
    };
    let line = text.get(..start).unwrap_or(text).matches('\n').count() + 1;
    let detail = format!("line {line}: {key}: {fault}");
    Err(Error::new(ErrorKind::Config, detail))
}

/// The secret that a table names, as far as it can be read: what cannot is said where it is used.
fn secret_of(value: &DeValue<'_>, folder: &Path, environment: &Environment) -> Option<Secret> {
    let DeValue::Table(table) = value else {
        return None;
    };
    let named = |key: &str| match table.get(key)?.get_ref() {
        DeValue::String(name) => Some(name.as_ref()),
        _ => None,
    };
    if let Some(name) = named("env") {
        return Some(environment.get(name).ok()??.into());
    }
    let path = folder.join(named("file")?);
    let text = read_text_file_but_no_pipe(path, MAX_SECRET_BYTES);
    Some(text.ok()?.into())
}

type Visit<'v> = dyn FnMut(&str, &DeValue<'_>, usize) -> Result<()> + 'v;

fn visit_table(table: &DeTable<'_>, visit: &mut Visit<'_>) -> Result<()> {
    for (key, value) in table {
        visit_value(key.get_ref(), value.get_ref(), value.span().start, visit)?;
    }
    Ok(())
}

/// Visits a value, and those in it. One in a list has the key of the list.
fn visit_value(key: &str, value: &DeValue<'_>, start: usize, visit: &mut Visit<'_>) -> Result<()> {
    visit(key, value, start)?;
    match value {
        // The name of a variable or of a file, said by rules of its own; only the members' names are looked at.
        DeValue::Table(table) if SECRETS.contains(&key) => {
            table.iter().try_for_each(|(name, _)| {
                visit(name.get_ref(), &DeValue::Boolean(false), name.span().start)
            })
        }
        DeValue::Table(table) => visit_table(table, visit),
        DeValue::Array(values) => values
            .iter()
            .try_for_each(|value| visit_value(key, value.get_ref(), value.span().start, visit)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_in_another_key_is_named_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), "a-key-of-our-own\n").unwrap();
        let environment = Environment::new(|name| match name {
            "TOKEN" => Some("a-token-of-our-own".into()),
            "SALT" => Some("acme-corp".into()),
            "PATH_OF_KEY" => Some("/run/secrets/okta".into()),
            _ => None,
        });
        let file = |line: &str| {
            format!(
                "[coralogix]\napi_key = {{ file = \"key\" }}\n[[integration]]\n{line}\napi_token = {{ env = \"TOKEN\" }}\n"
            )
        };
        let checked = |line: &str| {
            let checked = check(&file(line), folder.path(), &environment);
            checked.map_err(|error| error.to_string())
        };
        for line in [
            "api_toa-token-of-our-ownken = 1",
            "api_toa-token-of-our-own = { env = \"TOKEN\" }",
            "\"a-key-of-our-own\" = 1",
            "private_key = { a-token-of-our-own = 1 }",
        ] {
            let error = checked(line).unwrap_err();
            assert!(
                error.starts_with("line 4: a key: has the secret of "),
                "{error}"
            );
            assert!(!error.contains("of-our-own"), "{error}");
        }
        for line in [
            "subsystem = \"acme\"",
            "event_types = [\"user.*\"]",
            "#",
            "hash_salt = { env = \"SALT\" }\nname = \"acme-corp-prod\"",
            "private_key = { env = \"PATH_OF_KEY\" }\nname = \"/run/secrets/okta-2\"",
        ] {
            assert_eq!(checked(line), Ok(()));
        }
        for (line, expected) in [
            (
                "subsystem = \"a-key-of-our-own,\"",
                "line 4: subsystem: has the secret of api_key in it",
            ),
            (
                "name = \"x a-token-of-our-own\"",
                "line 4: name: has the secret of api_token in it",
            ),
            (
                "event_types = [\"a\", \"a-token-of-our-own\"]",
                "line 4: event_types: has the secret of api_token",
            ),
            (
                "coralogix = { application = \"-----BEGIN X\" }",
                "line 4: application: has a key or certificate in PEM",
            ),
        ] {
            let error = checked(line).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
            assert!(!error.contains("of-our-own"), "{error}");
        }
    }
}
