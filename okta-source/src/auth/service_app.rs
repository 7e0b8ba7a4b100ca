//! An OAuth app that authenticates by itself, without a user.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use http::HeaderValue;
use okta_coralogix_core::{Result, Secret};
use serde_json::json;
use thiserror::Error;

use super::jws;
use super::key::PrivateKey;

/// The scope that reads the System Log. (Okta developer docs, "OAuth 2.0 scopes", 2026.)
pub(crate) const SCOPE: &str = "okta.logs.read";

/// How long an assertion is good for, in seconds. Okta takes up to an hour; each is used once, and at once.
const ASSERTION_LIFE: i64 = 300;

/// An OAuth client of the org: an API service app with a private key, or an API service integration with a client secret.
///
/// ```no_run
/// use okta_source::{OktaSource, PrivateKey, ServiceApp};
/// # fn pem() -> okta_coralogix_core::Secret { "".into() }
///
/// let key = PrivateKey::parse(&pem())?;
/// let app = ServiceApp::with_private_key("0oa1example", key)?.key_id("my-key")?;
/// let source = OktaSource::builder().org_url("example.okta.com").credentials(app);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceApp {
    client_id: String,
    authentication: ClientAuthentication,
    scopes: Vec<String>,
}

/// How an app authenticates.
#[derive(Debug, Clone, PartialEq)]
enum ClientAuthentication {
    /// `private_key_jwt`.
    Key {
        key: Arc<PrivateKey>,
        id: Option<String>,
    },
    /// `client_secret_basic`.
    Secret(Secret),
}

/// The settings of a service app are invalid. Each message is one sentence that names the error and the text to write instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ServiceAppError {
    /// No client id.
    #[error(
        "is no client id; copy it from the app's General tab, it looks like 0oa1abcdefGHIJKLM5d7"
    )]
    ClientId,
    /// No client secret.
    #[error("is no client secret; copy it again, it has no space and no letter outside ASCII")]
    ClientSecret,
    /// No key id.
    #[error("is no key id; copy the kid of the key from the app's General tab, under Public Keys")]
    KeyId,
    /// The key is a JWK with another `kid`.
    #[error(
        "is not the kid that the JWK carries; leave it away, or write the key that belongs to it"
    )]
    OtherKeyId,
    /// There is no key to name.
    #[error("names a key, but this app has a client secret; leave it away")]
    NoKey,
    /// The scopes are not enough, or no scopes.
    #[error("lacks the scope that reads the System Log; write okta.logs.read, or leave it away")]
    Scopes,
}

impl ServiceApp {
    /// An app that signs with a private key (`private_key_jwt`).
    ///
    /// # Errors
    /// If the client id cannot be one.
    pub fn with_private_key(
        client_id: impl Into<String>,
        key: PrivateKey,
    ) -> Result<Self, ServiceAppError> {
        let id = key.id().map(str::to_owned);
        let key = Arc::new(key);
        Self::new(&client_id.into(), ClientAuthentication::Key { key, id })
    }

    /// An API service integration, which has a client secret.
    ///
    /// # Errors
    /// If the client id or the secret cannot be one.
    pub fn with_client_secret(
        client_id: impl Into<String>,
        secret: &Secret,
    ) -> Result<Self, ServiceAppError> {
        let secret = Secret::from(secret.expose().trim());
        if !is_word(secret.expose()) {
            return Err(ServiceAppError::ClientSecret);
        }
        Self::new(&client_id.into(), ClientAuthentication::Secret(secret))
    }

    fn new(client_id: &str, authentication: ClientAuthentication) -> Result<Self, ServiceAppError> {
        let client_id = client_id.trim().to_owned();
        // A colon would end the client id in a Basic header.
        if !is_word(&client_id) || client_id.contains(':') || client_id.len() > 255 {
            return Err(ServiceAppError::ClientId);
        }
        Ok(Self {
            client_id,
            authentication,
            scopes: vec![SCOPE.to_owned()],
        })
    }

    /// The `kid` of the key, as the app's General tab shows it. Needed if the app has several keys; a JWK brings its own.
    ///
    /// # Errors
    /// If it cannot be one, or contradicts that of the JWK.
    pub fn key_id(mut self, id: impl Into<String>) -> Result<Self, ServiceAppError> {
        let given = id.into().trim().to_owned();
        let ClientAuthentication::Key { id, .. } = &mut self.authentication else {
            return Err(ServiceAppError::NoKey);
        };
        if !is_word(&given) || given.len() > 255 {
            return Err(ServiceAppError::KeyId);
        }
        if id.as_ref().is_some_and(|known| *known != given) {
            return Err(ServiceAppError::OtherKeyId);
        }
        *id = Some(given);
        Ok(self)
    }

    /// The scopes to ask for, separated by spaces or commas. Default: `okta.logs.read`, which must be among them.
    ///
    /// # Errors
    /// If it is not, or if one of them is no scope.
    pub fn scopes(mut self, scopes: impl AsRef<str>) -> Result<Self, ServiceAppError> {
        let scopes = scopes.as_ref().split([',', ' ', '\t', '\n', '\r']);
        self.scopes = scopes
            .filter(|scope| !scope.is_empty())
            .map(str::to_owned)
            .collect();
        if !self.scopes.iter().all(|scope| is_word(scope))
            || !self.scopes.iter().any(|scope| scope == SCOPE)
        {
            return Err(ServiceAppError::Scopes);
        }
        Ok(self)
    }

    /// The key id that is sent, if any.
    pub(crate) fn sent_key_id(&self) -> Option<&str> {
        match &self.authentication {
            ClientAuthentication::Key { id, .. } => id.as_deref(),
            ClientAuthentication::Secret(_) => None,
        }
    }

    pub(crate) fn has_key(&self) -> bool {
        matches!(self.authentication, ClientAuthentication::Key { .. })
    }

    /// The form of a token request, its `Authorization`, and the secrets in them.
    pub(crate) fn token_request(&self, url: &str, now: DateTime<Utc>) -> Result<TokenRequest> {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials")
            .append_pair("scope", &self.scopes.join(" "));
        match &self.authentication {
            ClientAuthentication::Secret(secret) => {
                let both = format!("{}:{}", self.client_id, secret.expose());
                let encoded = Secret::from(STANDARD.encode(both));
                // Base64 is always a header value.
                let authorization =
                    HeaderValue::try_from(format!("Basic {}", encoded.expose())).ok();
                Ok(TokenRequest {
                    form: form.finish(),
                    authorization: authorization.map(sensitive),
                    secrets: vec![secret.clone(), encoded],
                })
            }
            ClientAuthentication::Key { key, id } => {
                let assertion = self.assertion(key, id.as_deref(), url, now)?;
                form.append_pair(
                    "client_assertion_type",
                    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                )
                .append_pair("client_assertion", assertion.expose());
                Ok(TokenRequest {
                    form: form.finish(),
                    authorization: None,
                    secrets: vec![assertion],
                })
            }
        }
    }

    /// A new assertion. Its `jti` makes it good for one request only, so that each attempt has one of its own.
    fn assertion(
        &self,
        key: &PrivateKey,
        id: Option<&str>,
        url: &str,
        now: DateTime<Utc>,
    ) -> Result<Secret> {
        let mut header = json!({ "typ": "JWT", "alg": key.algorithm().name() });
        if let Some(id) = id {
            header["kid"] = id.into();
        }
        let now = now.timestamp();
        let claims = json!({
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": url,
            "iat": now,
            "exp": now + ASSERTION_LIFE,
            "jti": jws::new_id()?,
        });
        jws::sign(key, &header, &claims)
    }
}

/// A request to the token endpoint.
pub(crate) struct TokenRequest {
    pub(crate) form: String,
    pub(crate) authorization: Option<HeaderValue>,
    pub(crate) secrets: Vec<Secret>,
}

pub(crate) fn sensitive(mut value: HeaderValue) -> HeaderValue {
    value.set_sensitive(true);
    value
}

/// True for a nonempty text of visible ASCII without characters that JSON escapes: no identifier or secret of Okta has others.
fn is_word(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    !text.is_empty() && text.bytes().all(is_plain)
}

/// A caller that knows the setting names it instead: `Error::config("client_id", error)`.
impl From<ServiceAppError> for okta_coralogix_core::Error {
    fn from(error: ServiceAppError) -> Self {
        Self::config("the service app", error).with_source(error)
    }
}
