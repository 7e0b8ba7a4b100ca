//! All that is missing in the file, and in the variables that it names.

use okta_coralogix_core::Result;

use super::file::{ConfigFile, CoralogixTable, IntegrationTable};
use super::integration::API_KEY;
use super::secrets::SecretRef;
use crate::program::Environment;
use crate::program::missing::Missing;

/// # Errors
/// `Config`, which names all keys that are missing, and all variables that are not set.
pub(super) fn check(file: &ConfigFile, environment: &Environment) -> Result<()> {
    let mut missing = Missing::default();
    for (n, table) in file.integration.iter().enumerate() {
        let at = match &table.name {
            Some(name) => format!("integration {name:?}"),
            None => {
                let at = format!("integration {}", n + 1);
                missing.add(&at, "has no name");
                at
            }
        };
        of_org(&mut missing, &at, table, environment);
        of_target(
            &mut missing,
            &at,
            &table.coralogix,
            &file.coralogix,
            environment,
        );
    }
    missing.check()
}

fn of_org(missing: &mut Missing, at: &str, table: &IntegrationTable, environment: &Environment) {
    for (key, is_set) in [
        (
            "subsystem",
            table.subsystem.is_some() || table.account.is_some(),
        ),
        (
            "org_url",
            table.org_url.is_some() || table.okta_domain.is_some(),
        ),
    ] {
        if !is_set {
            missing.add(format!("{at}: {key}"), "is missing");
        }
    }
    let has_secret = table.private_key.is_some() || table.client_secret.is_some();
    match (&table.api_token, &table.client_id, has_secret) {
        (None, None, false) => {
            let detail = "is missing; write `api_token = { file = \"PATH\" }`, or `client_id` and `private_key` of a service app";
            missing.add(format!("{at}: api_token"), detail);
        }
        (None, None, true) => {
            let detail = "is not set, but the secret of a service app is; write its client id, such as `client_id = \"0oa1abcdefGHIJKLM5d7\"`";
            missing.add(format!("{at}: client_id"), detail);
        }
        (None, Some(_), false) => {
            let detail = "is not set, but client_id is; write `private_key = { file = \"PATH\" }` (`client_secret` for an API service \
                          integration)";
            missing.add(format!("{at}: private_key"), detail);
        }
        _ => {}
    }
    for (key, secret) in [
        ("api_token", &table.api_token),
        ("private_key", &table.private_key),
        ("client_secret", &table.client_secret),
        ("hash_salt", &table.hash_salt),
    ] {
        variable(
            missing,
            format!("{at}: {key}"),
            secret.as_ref(),
            environment,
        );
    }
}

/// What the file says for all is said once.
fn of_target(
    missing: &mut Missing,
    at: &str,
    own: &CoralogixTable,
    common: &CoralogixTable,
    environment: &Environment,
) {
    let target = own.clone().or(common);
    let at_own = format!("{at}: {API_KEY}");
    if target.domain.is_none() && target.endpoint.is_none() {
        let detail = "is missing; write a region such as `domain = \"EU2\"`, or `endpoint`, there or in the table [coralogix]";
        missing.add(format!("{at}: coralogix, domain"), detail);
    }
    match (&own.api_key, &common.api_key) {
        (None, None) => missing.add(at_own, "is missing"),
        (None, common) => variable(missing, API_KEY.to_owned(), common.as_ref(), environment),
        (own, _) => variable(missing, at_own, own.as_ref(), environment),
    }
}

fn variable(
    missing: &mut Missing,
    setting: String,
    secret: Option<&SecretRef>,
    environment: &Environment,
) {
    if let Some(SecretRef::Env(name)) = secret
        && !environment.has(name)
    {
        missing.add(setting, SecretRef::unset(name));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::program::settings::Values;

    fn message(text: &str) -> String {
        let environment = Environment::new(|name| (name == "SET").then(|| "00x".into()));
        let parsed = super::super::parse(
            text,
            Path::new("."),
            &Values::of(&environment),
            Default::default(),
        );
        parsed.unwrap_err().to_string()
    }

    #[test]
    fn all_that_is_missing_in_the_file_is_in_one_message() {
        let text = r#"
[coralogix]
api_key = { env = "UNSET_KEY" }
[[integration]]
name = "one"
api_token = { env = "UNSET_TOKEN" }
[[integration]]
org_url = "two.okta.com"
subsystem = "two"
private_key = { env = "SET" }
coralogix = { domain = "EU2" }
[[integration]]
name = "three"
subsystem = "three"
org_url = "three.okta.com"
client_id = "0oa1"
coralogix = { domain = "EU2", api_key = { env = "SET" } }
"#;
        let found = message(text);
        for part in [
            "8 settings are missing: (1) integration \"one\": subsystem: is missing, (2) ",
            "integration \"one\": org_url: is missing",
            "integration \"one\": api_token: the variable UNSET_TOKEN is not set",
            "integration \"one\": coralogix, domain: is missing",
            "coralogix, api_key: the variable UNSET_KEY is not set",
            "integration 2: has no name",
            "integration 2: client_id: is not set",
            "integration \"three\": private_key: is not set",
        ] {
            assert!(found.contains(part), "{found}\nshould contain {part}");
        }
        assert_eq!(found.matches("UNSET_KEY").count(), 1, "{found}");
    }
}
