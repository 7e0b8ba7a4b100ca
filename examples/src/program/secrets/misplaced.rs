//! Secrets in settings that are none. Names, addresses and filters are sent to Okta, Coralogix or AWS, and shown in logs.

use std::io::ErrorKind;

use okta_coralogix_core::text::{is_coralogix_key, is_okta_token};
use okta_coralogix_core::{Error, Result, Secret};

use super::{text_of, unreadable};
use crate::program::Environment;

/// A shorter secret may well be a word that stands elsewhere too.
pub(super) const MIN_CHARS: usize = 8;

/// Why `text`, the value of a setting that is no secret, must go nowhere: to stand behind the name of the setting. It repeats nothing of
/// the text.
#[must_use]
pub fn misplaced(text: &str, secrets: &[(String, Secret)]) -> Option<String> {
    let is_in_it = |(_, secret): &&(String, Secret)| {
        let secret = secret.expose().trim();
        secret.len() >= MIN_CHARS && text.contains(secret)
    };
    let what = match secrets.iter().find(is_in_it) {
        Some((setting, _)) => format!("the secret of {setting}"),
        None => form_in(text)?.to_owned(),
    };
    Some(format!(
        "has {what} in it, and is sent and shown, as no secret may be; write something else here, and each secret into its own setting alone"
    ))
}

/// The words of a text, as secrets are made of.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> + Clone {
    text.split(|char: char| !char.is_ascii_alphanumeric() && char != '-' && char != '_')
}

/// The secret that is told by its form somewhere in the text.
fn form_in(text: &str) -> Option<&'static str> {
    // A UUID may be a name; one that is the key that is set is found as that.
    let is_key = |word: &str| word.starts_with("cx") && is_coralogix_key(word);
    if text.contains("-----BEGIN ") || text.contains("-----END ") {
        Some("a key or certificate in PEM")
    } else if text.contains("\"kty\"") {
        Some("a key (JWK)")
    } else if words(text).any(is_okta_token) {
        Some("an API token of Okta (42 characters that begin with 00)")
    } else if words(text).any(is_key) {
        Some("a key of Coralogix")
    } else {
        None
    }
}

/// Looks for secrets in flags, and in the variables `names` that are none of secrets.
///
/// # Errors
/// `Config`, which names the flag or variable and repeats nothing of it; or names the variable of a pipe that nobody writes.
pub fn check<'a>(
    args: impl IntoIterator<Item = String>,
    names: impl IntoIterator<Item = &'a String>,
    environment: &Environment,
) -> Result<()> {
    let secrets = all_of(environment)?;
    let judge = |setting: &str, text: &str| match misplaced(text, &secrets) {
        Some(fault) => Err(Error::config(setting, fault)),
        None => Ok(()),
    };
    let mut flag = "an argument".to_owned();
    for arg in args {
        let text = match (arg.strip_prefix("--"), arg.split_once('=')) {
            (Some(_), Some((name, text))) => {
                judge(name, text)?;
                continue;
            }
            (Some(_), None) => {
                flag = arg;
                continue;
            }
            (None, _) => arg,
        };
        judge(&flag, &text)?;
    }
    for name in names {
        if is_secret(name) {
            continue;
        }
        // What is not UTF-8 is said where it is used.
        if let Ok(Some(text)) = environment.get(name) {
            judge(name, &text)?;
        }
    }
    Ok(())
}

/// The secrets of the variables as far as they can be read: what cannot is said where it is used. A pipe is waited for once, not at each use.
fn all_of(environment: &Environment) -> Result<Vec<(String, Secret)>> {
    let mut found = Vec::new();
    for name in SECRETS {
        for (variable, name) in [(name.to_owned(), name), (format!("{name}_FILE"), name)] {
            // Without the mark that the program has asked for it.
            let Ok(Some(value)) = environment.get(&variable) else {
                continue;
            };
            match text_of(&variable, &value.clone().into()) {
                Ok(secret) => found.push((variable, secret)),
                Err(error) if error.kind() == ErrorKind::TimedOut => {
                    return Err(unreadable(&variable, &value, name, &error));
                }
                Err(_) => {}
            }
        }
    }
    Ok(found)
}

/// The variables whose values are secrets, some of them in files that other variables name: a path is not sent.
const SECRETS: [&str; 11] = [
    "OKTA_API_TOKEN",
    "OKTA_API_CLIENT_SECRET",
    "OKTA_API_PRIVATE_KEY",
    "CORALOGIX_API_KEY",
    "OKTA_CORALOGIX_HASH_SALT",
    "EVENTBRIDGE_API_KEY",
    "EVENTBRIDGE_API_KEY_PREVIOUS",
    "EVENTBRIDGE_BASIC",
    "EVENTBRIDGE_BEARER_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
];

fn is_secret(name: &str) -> bool {
    let name = name.strip_suffix("_FILE").unwrap_or(name);
    // A proxy has its user and password in its address.
    SECRETS.contains(&name) || name == "OKTA_CORALOGIX_PROXY"
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "00Ab3_dEfGhIjKlMnOpQrStUvWxYz0123456789-AB";
    const KEY: &str = "cxtp_AbCdEfGhIjKlMnOpQrStUvWxYz0123";
    const UUID: &str = "f1e2d3c4-0000-4000-8000-00000000abcd";

    #[test]
    fn secret_is_found_anywhere_in_another_setting() {
        let of = |setting: &str, value: &str| (setting.to_owned(), value.into());
        let secrets = [of("CORALOGIX_API_KEY", UUID), of("SHORT", "okta")];
        for (text, expected) in [
            (TOKEN.to_owned(), Some("an API token of Okta")),
            (format!("\"{TOKEN}"), Some("an API token of Okta")),
            (format!("{TOKEN},"), Some("an API token of Okta")),
            (format!("okta {TOKEN}"), Some("an API token of Okta")),
            (
                format!("https://{TOKEN}@ingress.eu2.coralogix.com"),
                Some("an API token of Okta"),
            ),
            (format!("'{KEY}"), Some("a key of Coralogix")),
            (
                format!("x{UUID}y"),
                Some("has the secret of CORALOGIX_API_KEY in it"),
            ),
            (
                "-----BEGIN PRIVATE KEY-----".to_owned(),
                Some("a key or certificate in PEM"),
            ),
            ("{ \"kty\": \"RSA\" }".to_owned(), Some("a key (JWK)")),
            ("okta".to_owned(), None),
            (UUID.replace('f', "e"), None),
            ("eventType sw \"user.\"".to_owned(), None),
            ("0oa1abcdefGHIJKLM5d7".to_owned(), None),
        ] {
            let found = misplaced(&text, &secrets);
            match (&found, expected) {
                (None, None) => {}
                (Some(found), Some(expected)) => {
                    assert!(found.contains(expected), "{found}");
                    assert!(!found.contains(&TOKEN[2..12]) && !found.contains(&KEY[2..12]));
                }
                _ => panic!("{text}: {found:?}"),
            }
        }
    }

    #[test]
    fn flags_and_variables_are_named_as_they_were_written() {
        let environment = Environment::new(|name| match name {
            "CORALOGIX_API_KEY" => Some(UUID.into()),
            "CORALOGIX_SUBSYSTEM" => Some(format!("{TOKEN},").into()),
            "OKTA_ORG_URL" => Some("acme.okta.com".into()),
            _ => None,
        });
        let refused = |args: &[&str], names: &[&str]| {
            let args = args.iter().map(|arg| (*arg).to_owned());
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            let checked = check(args, &names, &environment);
            checked.map_err(|error| {
                let error = error.to_string();
                error.split(": ").next().unwrap_or_default().to_owned()
            })
        };
        assert_eq!(
            refused(&["--once"], &["CORALOGIX_API_KEY", "OKTA_ORG_URL"]),
            Ok(())
        );
        for (args, setting) in [
            (vec!["--name", UUID], "--name"),
            (vec!["--once", "--q=x", "--filter", TOKEN], "--filter"),
            (vec!["--q", "x", &*format!("--filter={KEY}")], "--filter"),
            (vec![KEY], "an argument"),
        ] {
            assert_eq!(refused(&args, &[]), Err(setting.to_owned()));
        }
        let names = ["OKTA_ORG_URL", "CORALOGIX_SUBSYSTEM"];
        assert_eq!(refused(&[], &names), Err("CORALOGIX_SUBSYSTEM".to_owned()));
    }
}
