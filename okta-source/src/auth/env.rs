//! Credentials from variables, named as the Okta Terraform provider names them.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;

use okta_coralogix_core::text::utf8;
use okta_coralogix_core::{Error, Result, Secret};

use super::api_token::ApiToken;
use super::credentials::Credentials;
use super::key::PrivateKey;
use super::service_app::{ServiceApp, ServiceAppError};

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

/// The longest key file. An RSA key of 8192 bits takes 7 KB.
const MAX_KEY_BYTES: u64 = 64 << 10;

pub(super) fn read(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Credentials> {
    let get = |name: &str| {
        let value = lookup(name).map(|value| utf8(name, value)).transpose()?;
        Ok::<_, Error>(value.map(Secret::from))
    };
    let other = |skipped| {
        let mut rest = VARIABLES.into_iter().skip(skipped);
        rest.find(|name| lookup(name).is_some())
    };
    if let Some(token) = get(API_TOKEN)? {
        if let Some(other) = other(1) {
            let detail = format!(
                "is set beside {other}; set one of them: {API_TOKEN} to sign in with a token, or {CLIENT_ID} with \
                 {PRIVATE_KEY} to sign in as a service app"
            );
            return Err(Error::config(API_TOKEN, detail));
        }
        let token = ApiToken::parse(&token).map_err(|error| Error::config(API_TOKEN, error))?;
        return Ok(token.into());
    }
    let Some(id) = get(CLIENT_ID)? else {
        if let Some(other) = other(2) {
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
    service_app(id.expose(), get).map(Credentials::from)
}

fn service_app(id: &str, get: impl Fn(&str) -> Result<Option<Secret>>) -> Result<ServiceApp> {
    let mut app = match (get(PRIVATE_KEY)?, get(CLIENT_SECRET)?) {
        (Some(_), Some(_)) => {
            let detail = format!(
                "is set beside {CLIENT_SECRET}; set the key for a service app, or the secret for an API service integration"
            );
            return Err(Error::config(PRIVATE_KEY, detail));
        }
        (None, None) => {
            let detail = format!(
                "is not set, but {CLIENT_ID} is; set it to the private key of the app or to its file ({CLIENT_SECRET} for \
                 an API service integration)"
            );
            return Err(Error::config(PRIVATE_KEY, detail));
        }
        (Some(key), None) => ServiceApp::with_private_key(id, private_key(&key)?)
            .map_err(|error| Error::config(CLIENT_ID, error))?,
        (None, Some(secret)) => ServiceApp::with_client_secret(id, &secret).map_err(|error| {
            let is_secret = error == ServiceAppError::ClientSecret;
            Error::config(if is_secret { CLIENT_SECRET } else { CLIENT_ID }, error)
        })?,
    };
    if let Some(id) = get(PRIVATE_KEY_ID)? {
        let named = app.key_id(id.expose());
        app = named.map_err(|error| Error::config(PRIVATE_KEY_ID, error))?;
    }
    if let Some(scopes) = get(SCOPES)? {
        let scoped = app.scopes(scopes.expose());
        app = scoped.map_err(|error| Error::config(SCOPES, error))?;
    }
    Ok(app)
}

/// The key itself, or the file that it is in. Any other text may be a piece of a key, so that no message repeats it.
fn private_key(value: &Secret) -> Result<PrivateKey> {
    let text = value.expose().trim();
    let is_key = text.is_empty() || text.starts_with('{') || text.contains("-----BEGIN ");
    if is_key {
        return PrivateKey::parse(value).map_err(|error| Error::config(PRIVATE_KEY, error));
    }
    let wrong = |detail: &str| Error::config(PRIVATE_KEY, detail);
    let file = File::open(text).map_err(|error| {
        wrong(&format!(
            "is neither a private key (PEM or JWK) nor a file that can be read ({}); write the key, or the path of its file",
            error.kind()
        ))
    })?;
    let mut content = String::new();
    let read = file.take(MAX_KEY_BYTES).read_to_string(&mut content);
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
