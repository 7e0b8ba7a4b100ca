//! Credentials from variables, named as the Okta Terraform provider names them.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;

use okta_coralogix_core::{Error, Result, Secret};

use super::api_token::ApiToken;
use super::credentials::Credentials;
use super::key::PrivateKey;
use super::service_app::ServiceApp;

const API_TOKEN: &str = "OKTA_API_TOKEN";
const CLIENT_ID: &str = "OKTA_API_CLIENT_ID";
const CLIENT_SECRET: &str = "OKTA_API_CLIENT_SECRET";
const PRIVATE_KEY: &str = "OKTA_API_PRIVATE_KEY";
const PRIVATE_KEY_ID: &str = "OKTA_API_PRIVATE_KEY_ID";
const SCOPES: &str = "OKTA_API_SCOPES";

pub(super) const VARIABLES: [&str; 6] = [
    API_TOKEN,
    CLIENT_ID,
    CLIENT_SECRET,
    PRIVATE_KEY,
    PRIVATE_KEY_ID,
    SCOPES,
];

/// The longest file that may be a key. An RSA key of 8192 bits takes 7 KB.
const LONGEST_KEY: u64 = 64 << 10;

pub(super) fn read(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Credentials> {
    let given = Variables(lookup);
    if let Some(token) = given.get(API_TOKEN)? {
        let rest = VARIABLES.into_iter().skip(1);
        if let Some(other) = rest.into_iter().find(|name| given.has(name)) {
            let detail = format!(
                "is set beside {other}; set one of them: {API_TOKEN} to sign in with a token, or {CLIENT_ID} with \
                 {PRIVATE_KEY} to sign in as a service app"
            );
            return Err(Error::config(API_TOKEN, detail));
        }
        let token = ApiToken::parse(&token).map_err(|error| Error::config(API_TOKEN, error))?;
        return Ok(token.into());
    }
    let Some(id) = given.get(CLIENT_ID)? else {
        let rest = VARIABLES.into_iter().skip(2);
        return Err(match rest.into_iter().find(|name| given.has(name)) {
            Some(other) => Error::config(
                CLIENT_ID,
                format!("is not set, but {other} is; set it to the client id of the service app"),
            ),
            None => Error::config(
                API_TOKEN,
                format!(
                    "is not set; set it to the API token of a Read-only or Report Administrator, or set {CLIENT_ID} and \
                     {PRIVATE_KEY} of a service app"
                ),
            ),
        });
    };
    given.service_app(id.expose()).map(Credentials::from)
}

struct Variables<F>(F);

impl<F: Fn(&str) -> Option<OsString>> Variables<F> {
    fn has(&self, name: &str) -> bool {
        self.0(name).is_some()
    }

    fn get(&self, name: &str) -> Result<Option<Secret>> {
        let Some(value) = self.0(name) else {
            return Ok(None);
        };
        let value = value
            .into_string()
            .map_err(|_| Error::config(name, "is not valid UTF-8; set it again"))?;
        Ok(Some(Secret::from(value)))
    }

    fn service_app(&self, id: &str) -> Result<ServiceApp> {
        let key = self.get(PRIVATE_KEY)?;
        let secret = self.get(CLIENT_SECRET)?;
        let app = match (key, secret) {
            (Some(_), Some(_)) => {
                return Err(Error::config(
                    PRIVATE_KEY,
                    format!(
                        "is set beside {CLIENT_SECRET}; set the key for a service app, or the secret for an API service \
                         integration"
                    ),
                ));
            }
            (None, None) => {
                return Err(Error::config(
                    PRIVATE_KEY,
                    format!(
                        "is not set, but {CLIENT_ID} is; set it to the private key of the app or to its file ({CLIENT_SECRET} for \
                         an API service integration)"
                    ),
                ));
            }
            (Some(key), None) => ServiceApp::with_private_key(id, private_key(&key)?)
                .map_err(|error| Error::config(CLIENT_ID, error))?,
            (None, Some(secret)) => {
                ServiceApp::with_client_secret(id, &secret).map_err(|error| match error {
                    super::service_app::ServiceAppError::ClientSecret => {
                        Error::config(CLIENT_SECRET, error)
                    }
                    _ => Error::config(CLIENT_ID, error),
                })?
            }
        };
        let app = match self.get(PRIVATE_KEY_ID)? {
            None => app,
            Some(id) => app
                .key_id(id.expose())
                .map_err(|error| Error::config(PRIVATE_KEY_ID, error))?,
        };
        match self.get(SCOPES)? {
            None => Ok(app),
            Some(scopes) => app
                .scopes(scopes.expose())
                .map_err(|error| Error::config(SCOPES, error)),
        }
    }
}

/// The key itself, or the file that it is in. What is neither may be a piece of a key, so that no message repeats it.
fn private_key(value: &Secret) -> Result<PrivateKey> {
    let text = value.expose().trim();
    let is_key = text.is_empty() || text.starts_with('{') || text.contains("-----BEGIN ");
    if is_key {
        return PrivateKey::parse(value).map_err(|error| Error::config(PRIVATE_KEY, error));
    }
    let wrong = |what: &str| Error::config(PRIVATE_KEY, what);
    let file = File::open(text).map_err(|error| {
        wrong(&format!(
            "is neither a private key (PEM or JWK) nor a file that can be read ({}); write the key, or the path of its file",
            error.kind()
        ))
    })?;
    let mut content = String::new();
    let read = file.take(LONGEST_KEY).read_to_string(&mut content);
    let content = Secret::from(content);
    read.map_err(|error| {
        wrong(&format!(
            "names a file that is no text ({}); write the path of a PEM or JWK file",
            error.kind()
        ))
    })?;
    PrivateKey::parse(&content)
        .map_err(|error| wrong(&format!("names a file whose content {error}")))
}
