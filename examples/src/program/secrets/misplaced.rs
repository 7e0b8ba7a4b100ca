//! Secrets in settings that are none. Names, addresses and filters are sent to Okta, Coralogix or AWS, and shown in logs.

use okta_coralogix_core::internal::text::{
    is_coralogix_key, is_der_in_base64, is_mixed, is_okta_token,
};
use okta_coralogix_core::{Error, Result, Secret};

use super::text_of;
use crate::program::Environment;
use crate::program::settings::variables;

/// A shorter secret may well be a word that stands elsewhere too.
pub(super) const MIN_CHARS: usize = 8;

/// A secret that is set, and the setting that it comes from.
#[derive(Debug, Clone)]
pub struct SetSecret {
    setting: String,
    value: Secret,
    /// A word that a person chose may be part of another text.
    is_chosen: bool,
}

impl SetSecret {
    /// What is secret in `value` of the variable or key `name`, in `setting`. None for the path of a private key: the key is in that file.
    #[must_use]
    pub fn all_in(name: &str, setting: &str, value: Secret) -> Vec<Self> {
        let text = value.expose().trim();
        let is_private_key = ["OKTA_API_PRIVATE_KEY", "private_key"].contains(&name);
        if is_private_key && !text.starts_with('{') && !text.contains("-----BEGIN ") {
            return Vec::new();
        }
        let is_chosen = ["OKTA_CORALOGIX_HASH_SALT", "hash_salt"].contains(&name)
            || name.starts_with("EVENTBRIDGE_")
            // A simulator of AWS takes any.
            || name.starts_with("AWS_") && !is_mixed(text);
        let password = match name {
            "EVENTBRIDGE_BASIC" => text.split_once(':').map(|(_, password)| password.into()),
            _ => None,
        };
        let secret = |value| Self {
            setting: setting.to_owned(),
            value,
            is_chosen,
        };
        password.into_iter().chain([value]).map(secret).collect()
    }

    fn is_in(&self, text: &str) -> bool {
        let secret = self.value.expose().trim();
        secret.len() >= MIN_CHARS
            && match self.is_chosen {
                true => text.trim() == secret,
                false => text.contains(secret),
            }
    }
}

/// Why `text`, the value of a setting that is no secret, must go nowhere: to stand behind the name of the setting. It repeats nothing of
/// the text.
#[must_use]
pub fn misplaced(text: &str, secrets: &[SetSecret]) -> Option<String> {
    let what = match secrets.iter().find(|secret| secret.is_in(text)) {
        Some(secret) => format!("the secret of {}", secret.setting),
        None => form_in(text)?.to_owned(),
    };
    Some(format!(
        "has {what} in it, and is sent and shown, as no secret may be; write something else here, and each secret into its own setting alone"
    ))
}

/// True for a key or certificate in PEM, or the lines between its marks.
pub(super) fn is_pem(text: &str) -> bool {
    let is_body = |char: char| char.is_ascii_alphanumeric() || "+/=".contains(char);
    let mut bodies = text.split(|char| !is_body(char));
    text.contains("-----BEGIN ") || text.contains("-----END ") || bodies.any(is_der_in_base64)
}

/// True for a key as JSON, however it is quoted.
pub(super) fn is_jwk(text: &str) -> bool {
    text.contains('{') && words(text).any(|word| word == "kty")
}

/// The words of a text, as secrets are made of.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> + Clone {
    text.split(|char: char| !char.is_ascii_alphanumeric() && char != '-' && char != '_')
}

/// The secret that is told by its form somewhere in the text.
fn form_in(text: &str) -> Option<&'static str> {
    // A UUID may be a name; one that is the key that is set is found as that.
    let is_key = |word: &str| word.starts_with("cx") && is_coralogix_key(word) && is_mixed(word);
    // So may 42 characters, or a word behind a prefix such as `cxeu_`.
    let is_token = |word: &str| is_okta_token(word) && is_mixed(word);
    if is_pem(text) {
        Some("a key or certificate in PEM")
    } else if is_jwk(text) {
        Some("a key (JWK)")
    } else if words(text).any(is_token) {
        Some("an API token of Okta (42 characters that begin with 00)")
    } else if words(text).any(is_key) {
        Some("a key of Coralogix")
    } else {
        None
    }
}

/// Looks for secrets in flags, and in the variables `names`, those that the program reads, as far as they are none of secrets. Those in pipes
/// are known once the settings were read.
///
/// # Errors
/// `Config`, which names the flag or variable and repeats nothing of it.
pub fn check(
    args: impl IntoIterator<Item = String>,
    names: &[String],
    environment: &Environment,
) -> Result<()> {
    let secrets = all_of(names, environment);
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

/// The secrets of the variables `names` as far as they can be read: what cannot is said where it is used.
fn all_of(names: &[String], environment: &Environment) -> Vec<SetSecret> {
    let reads = |variable: &str| names.iter().any(|name| name == variable);
    // The settings of AWS's SDK are no variables of the program that uses it.
    let is_read = |name: &&str| reads(name) || OF_AWS.contains(name) && reads("SQS_QUEUE_URL");
    let mut found = Vec::new();
    for name in secret_variables().filter(is_read) {
        for variable in [name.to_owned(), format!("{name}_FILE")] {
            // Without the mark that the program has asked for it.
            let Ok(Some(value)) = environment.get(&variable) else {
                continue;
            };
            if let Ok(secret) = text_of(&variable, &value.into()) {
                found.extend(SetSecret::all_in(name, &variable, secret));
            }
        }
    }
    found
}

/// Those of AWS's SDK, which reads them itself.
const OF_AWS: [&str; 2] = ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

/// The variables whose values are secrets.
fn secret_variables() -> impl Iterator<Item = &'static str> {
    variables::in_files().chain(OF_AWS)
}

fn is_secret(name: &str) -> bool {
    let name = name.strip_suffix("_FILE").unwrap_or(name);
    // A proxy has its user and password in its address.
    secret_variables().any(|secret| secret == name) || name == "OKTA_CORALOGIX_PROXY"
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "00Ab3_dEfGhIjKlMnOpQrStUvWxYz0123456789-AB";
    const KEY: &str = "cxtp_AbCdEfGhIjKlMnOpQrStUvWxYz0123";
    /// The first line of a key for Ed25519.
    const KEY_BODY: &str = "MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
    const UUID: &str = "f1e2d3c4-0000-4000-8000-00000000abcd";

    #[test]
    fn secret_is_found_anywhere_in_another_setting() {
        let of = |name: &str, value: &str| SetSecret::all_in(name, name, value.into());
        let secrets = [
            of("CORALOGIX_API_KEY", UUID),
            of("OKTA_API_CLIENT_SECRET", "okta"),
            of("OKTA_API_PRIVATE_KEY", "/run/secrets/okta"),
            of("private_key", "{ \"d\": \"a-number\" }"),
            of("OKTA_CORALOGIX_HASH_SALT", "acme-corp"),
            of("hash_salt", "production"),
            of("EVENTBRIDGE_API_KEY", "eventbridge"),
            of("EVENTBRIDGE_BASIC", "okta:a-pass-word"),
            of("AWS_SECRET_ACCESS_KEY", "localstack"),
            of("AWS_SESSION_TOKEN", "Ab3/dEfGhIjKlMnOpQrSt+Uv"),
        ];
        let secrets: Vec<_> = secrets.into_iter().flatten().collect();
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
            (KEY_BODY.to_owned(), Some("a key or certificate in PEM")),
            (
                format!("okta {KEY_BODY} {KEY_BODY}"),
                Some("a key or certificate in PEM"),
            ),
            ("{ \"kty\": \"RSA\" }".to_owned(), Some("a key (JWK)")),
            ("{'kty':'RSA'}".to_owned(), Some("a key (JWK)")),
            ("{kty: RSA}".to_owned(), Some("a key (JWK)")),
            ("{\\\"kty\\\":1}".to_owned(), Some("a key (JWK)")),
            ("kty".to_owned(), None),
            (
                "a-pass-word".to_owned(),
                Some("has the secret of EVENTBRIDGE_BASIC in it"),
            ),
            ("okta".to_owned(), None),
            ("okta".to_owned(), None),
            ("/run/secrets/okta-ca.pem".to_owned(), None),
            (
                "x { \"d\": \"a-number\" }".to_owned(),
                Some("has the secret of private_key in it"),
            ),
            ("acme-corp-prod".to_owned(), None),
            (
                "acme-corp ".to_owned(),
                Some("has the secret of OKTA_CORALOGIX_HASH_SALT in it"),
            ),
            ("/var/lib/okta-production".to_owned(), None),
            (
                "production".to_owned(),
                Some("has the secret of hash_salt in it"),
            ),
            ("okta-eventbridge".to_owned(), None),
            (
                "eventbridge".to_owned(),
                Some("has the secret of EVENTBRIDGE_API_KEY in it"),
            ),
            ("http://localstack:4566/000000000000/q".to_owned(), None),
            (
                "Ab3/dEfGhIjKlMnOpQrSt+Uv,".to_owned(),
                Some("has the secret of AWS_SESSION_TOKEN in it"),
            ),
            // 42 characters, and the prefix of a key, as people name things.
            (
                "001-acme-production-frankfurt-eu-central-1".to_owned(),
                None,
            ),
            (
                "/state/001-acme-production-frankfurt-eu-central-1".to_owned(),
                None,
            ),
            ("cxeu_productionfrankfurt01".to_owned(), None),
            ("cxm1_authenticationservices".to_owned(), None),
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
            "AWS_SECRET_ACCESS_KEY" => Some("Ab3/dEfGhIjKlMnOpQrSt+Uv".into()),
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
            assert_eq!(
                refused(&args, &["CORALOGIX_API_KEY"]),
                Err(setting.to_owned())
            );
        }
        let names = ["OKTA_ORG_URL", "CORALOGIX_SUBSYSTEM"];
        assert_eq!(refused(&[], &names), Err("CORALOGIX_SUBSYSTEM".to_owned()));
        // Secrets of programs that run beside this one.
        assert_eq!(refused(&["--name", UUID], &["OKTA_ORG_URL"]), Ok(()));
        let args = ["--name", "x Ab3/dEfGhIjKlMnOpQrSt+Uv"];
        assert_eq!(refused(&args, &["OKTA_ORG_URL"]), Ok(()));
        let found = refused(&args, &["SQS_QUEUE_URL"]);
        assert_eq!(found, Err("--name".to_owned()));
    }
}
