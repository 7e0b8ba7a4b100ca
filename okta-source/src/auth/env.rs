//! Credentials from variables, named as the Okta Terraform provider names them.

use std::ffi::OsString;
use std::fmt::Display;

use okta_coralogix_core::internal::text::{MAX_SECRET_BYTES, quote_name, read_text_file, utf8};
use okta_coralogix_core::{Error, Result, Secret};

use super::api_token::ApiToken;
use super::credentials::Credentials;
use super::key::PrivateKey;
use super::service_app::{ServiceApp, ServiceAppError};

const API_TOKEN: &str = "OKTA_API_TOKEN";
const API_TOKEN_FILE: &str = "OKTA_API_TOKEN_FILE";
const CLIENT_ID: &str = "OKTA_API_CLIENT_ID";
const CLIENT_SECRET: &str = "OKTA_API_CLIENT_SECRET";
const CLIENT_SECRET_FILE: &str = "OKTA_API_CLIENT_SECRET_FILE";
const PRIVATE_KEY: &str = "OKTA_API_PRIVATE_KEY";
const PRIVATE_KEY_FILE: &str = "OKTA_API_PRIVATE_KEY_FILE";
const PRIVATE_KEY_ID: &str = "OKTA_API_PRIVATE_KEY_ID";
const SCOPES: &str = "OKTA_API_SCOPES";

pub(super) const VARIABLES: [&str; 9] = [
    API_TOKEN,
    API_TOKEN_FILE,
    CLIENT_ID,
    CLIENT_SECRET,
    CLIENT_SECRET_FILE,
    PRIVATE_KEY,
    PRIVATE_KEY_FILE,
    PRIVATE_KEY_ID,
    SCOPES,
];

/// A secret, and the variable by which it was found.
struct FoundSecret {
    variable: &'static str,
    secret: Secret,
    is_in_file: bool,
}

impl FoundSecret {
    /// What is wrong with it, by the name of the variable.
    fn wrong(&self, error: impl Display) -> Error {
        match self.is_in_file {
            true => Error::config(self.variable, format!("names a file whose content {error}")),
            false => Error::config(self.variable, error),
        }
    }
}

/// The variables of one process, and what its program thinks of a secret in them.
struct Variables<L, C> {
    lookup: L,
    check: C,
}

impl<L, C> Variables<L, C>
where
    L: Fn(&str) -> Option<OsString>,
    C: Fn(&str, &Secret) -> Result<()>,
{
    fn text(&self, name: &str) -> Result<Option<String>> {
        let value = (self.lookup)(name);
        value.map(|value| utf8(name, value)).transpose()
    }

    /// The secret of the variable `name`, or of the file that `file_name` names.
    fn secret(&self, name: &'static str, file_name: &'static str) -> Result<Option<FoundSecret>> {
        let text = self.text(name)?;
        let Some(path) = (self.lookup)(file_name) else {
            return Ok(text.map(|text| FoundSecret {
                variable: name,
                secret: text.into(),
                is_in_file: false,
            }));
        };
        if text.is_some() {
            let detail = format!("is set beside {file_name}; set one of them");
            return Err(Error::config(name, detail));
        }
        let text = read_text_file(&path, MAX_SECRET_BYTES).map_err(|error| {
            let path = quote_name(&path.to_string_lossy());
            let detail = format!(
                "names the file {path}, which cannot be read ({error}); write the path of a file with the value of {name}"
            );
            Error::config(file_name, detail)
        })?;
        Ok(Some(FoundSecret {
            variable: file_name,
            secret: text.into(),
            is_in_file: true,
        }))
    }

    /// The first of these that is set.
    fn any(&self, names: &[&'static str]) -> Option<&'static str> {
        let is_set = |name: &&&'static str| (self.lookup)(name).is_some();
        names.iter().find(is_set).copied()
    }

    fn check(&self, found: &FoundSecret) -> Result<()> {
        (self.check)(found.variable, &found.secret)
    }
}

pub(super) fn read(
    lookup: impl Fn(&str) -> Option<OsString>,
    check: impl Fn(&str, &Secret) -> Result<()>,
) -> Result<Credentials> {
    let variables = Variables { lookup, check };
    if let Some(found) = variables.secret(API_TOKEN, API_TOKEN_FILE)? {
        if let Some(other) = variables.any(&VARIABLES[2..]) {
            let detail = format!(
                "is set beside {other}; set one of them: {API_TOKEN} to sign in with a token, or {CLIENT_ID} with \
                 {PRIVATE_KEY} to sign in as a service app"
            );
            return Err(Error::config(found.variable, detail));
        }
        variables.check(&found)?;
        let token = ApiToken::parse(&found.secret).map_err(|error| found.wrong(error))?;
        return Ok(Credentials::from(token).with_setting(found.variable));
    }
    let Some(id) = variables.text(CLIENT_ID)? else {
        if let Some(other) = variables.any(&VARIABLES[3..]) {
            let detail =
                format!("is not set, but {other} is; set it to the client id of the service app");
            return Err(Error::config(CLIENT_ID, detail));
        }
        let detail = format!(
            "is not set; set it to the API token of a Read-only or Report Administrator, or set {CLIENT_ID} and \
             {PRIVATE_KEY} of a service app"
        );
        return Err(Error::config(API_TOKEN, detail));
    };
    service_app(&id, &variables)
}

fn service_app<L, C>(id: &str, variables: &Variables<L, C>) -> Result<Credentials>
where
    L: Fn(&str) -> Option<OsString>,
    C: Fn(&str, &Secret) -> Result<()>,
{
    let key = variables.secret(PRIVATE_KEY, PRIVATE_KEY_FILE)?;
    let client_secret = variables.secret(CLIENT_SECRET, CLIENT_SECRET_FILE)?;
    let (mut app, setting) = match (key, client_secret) {
        (Some(key), Some(secret)) => {
            let detail = format!(
                "is set beside {}; set the key for a service app, or the secret for an API service integration",
                secret.variable
            );
            return Err(Error::config(key.variable, detail));
        }
        (None, None) => {
            let detail = format!(
                "is not set, but {CLIENT_ID} is; set it to the private key of the app or to its file ({CLIENT_SECRET} for \
                 an API service integration)"
            );
            return Err(Error::config(PRIVATE_KEY, detail));
        }
        (Some(found), None) => {
            let key = private_key(&found, &variables.check)?;
            let app = ServiceApp::with_private_key(id, key)
                .map_err(|error| Error::config(CLIENT_ID, error))?;
            (app, found.variable)
        }
        (None, Some(found)) => {
            variables.check(&found)?;
            let app = ServiceApp::with_client_secret(id, &found.secret);
            let app = app.map_err(|error| match error {
                ServiceAppError::ClientSecret => found.wrong(error),
                error => Error::config(CLIENT_ID, error),
            })?;
            (app, found.variable)
        }
    };
    if let Some(id) = variables.text(PRIVATE_KEY_ID)? {
        let named = app.key_id(id);
        app = named.map_err(|error| Error::config(PRIVATE_KEY_ID, error))?;
    }
    if let Some(scopes) = variables.text(SCOPES)? {
        let scoped = app.scopes(scopes);
        app = scoped.map_err(|error| Error::config(SCOPES, error))?;
    }
    Ok(Credentials::from(app).with_setting(format!("{CLIENT_ID} and {setting}")))
}

/// The key itself, or the file that it is in, also by the variable of the key. Any other text may be a piece of a key, so that no
/// message repeats it.
fn private_key(
    found: &FoundSecret,
    check: impl Fn(&str, &Secret) -> Result<()>,
) -> Result<PrivateKey> {
    let text = found.secret.expose().trim();
    let is_key = text.is_empty() || text.starts_with('{') || text.contains("-----BEGIN ");
    if is_key || found.is_in_file {
        check(found.variable, &found.secret)?;
        return PrivateKey::parse(&found.secret).map_err(|error| found.wrong(error));
    }
    let wrong = |detail: &str| Error::config(PRIVATE_KEY, detail);
    let content = read_text_file(text, MAX_SECRET_BYTES).map_err(|error| {
        wrong(&format!(
            "is neither a private key (PEM or JWK) nor a file that can be read ({error}); write the key, or the path of its file"
        ))
    })?;
    let content = Secret::from(content);
    check(PRIVATE_KEY, &content)?;
    PrivateKey::parse(&content)
        .map_err(|error| wrong(&format!("names a file whose content {error}")))
}
