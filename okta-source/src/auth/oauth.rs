//! Requests with an access token: requests a token, uses it, and handles refusals.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Request, StatusCode};
use okta_coralogix_core::internal::exchange::Verdict;
use okta_coralogix_core::{Clock, Result, Secret};
use tokio::time::Instant;

use super::dpop::{Dpop, Server};
use super::http_context::{HttpContext, RequestError};
use super::oauth_error::{self, OAuthError};
use super::redact::redacted;
use super::service_app::{ServiceApp, sensitive};
use super::token_cache::{AccessToken, TokenCache};
use crate::api::judged::{Endpoint, Judged};
use crate::api::org_clock::plausible_date;

/// The path of the token endpoint. (Okta developer docs, "Implement OAuth for Okta with a service app", 2026: the org authorization
/// server only.)
const TOKEN_PATH: &str = "/oauth2/v1/token";

/// The longest answer of the token endpoint; real ones take 1 to 2 KB.
const MAX_TOKEN_BODY_BYTES: usize = 64 << 10;

/// A clock error beyond this explains a refused assertion.
const MAX_CLOCK_ERROR: TimeDelta = TimeDelta::seconds(30);

/// The longest life of a token; a longer `expires_in` is cut to it.
const MAX_TOKEN_LIFE: Duration = Duration::from_secs(24 * 3600);

/// The authentication of a service app for one org.
pub(crate) struct OAuth {
    app: ServiceApp,
    dpop: Dpop,
    clock: Arc<dyn Clock>,
    /// The org's clock less the host's.
    offset: Mutex<TimeDelta>,
    tokens: TokenCache,
}

impl OAuth {
    /// `offset`: the org's clock less the host's, as far as it is known.
    pub(crate) fn new(app: ServiceApp, clock: Arc<dyn Clock>, offset: TimeDelta) -> Result<Self> {
        Ok(Self {
            app,
            dpop: Dpop::new()?,
            clock,
            offset: Mutex::new(offset),
            tokens: TokenCache::default(),
        })
    }

    /// Sends a request of ours with a token, and once more where the answer asks for it: with a nonce, or with a fresh token.
    pub(crate) async fn send(
        &self,
        context: &HttpContext,
        request: &Request<Bytes>,
    ) -> Result<Judged, RequestError> {
        let (mut challenged, mut renewed) = (false, false);
        loop {
            let token = self
                .tokens
                .get(async || self.new_token(context).await)
                .await?;
            let mut request = request.clone();
            let proof = self.authorize(&mut request, &token)?;
            let response = context.exchange(request, context.max_body_bytes).await?;
            let mut secrets = vec![&token.secret];
            secrets.extend(&proof);
            let response = redacted(response, &secrets);
            let judged = Judged::new(response, Endpoint::LogWithAccessToken);
            let has_nonce = judged.is_okta() && self.learn(Server::Resource, judged.headers());
            let Some(error) = oauth_error::of_resource(&judged) else {
                return Ok(judged);
            };
            match error {
                OAuthError::Nonce if has_nonce && !challenged => challenged = true,
                OAuthError::Token | OAuthError::Proof if !renewed => {
                    renewed = true;
                    self.tokens.forget(&token).await;
                }
                error => return Err(oauth_error::resource_error(error, &judged).into()),
            }
        }
    }

    /// Puts the token into the request, and a new proof if the token wants one; returns the proof.
    fn authorize(
        &self,
        request: &mut Request<Bytes>,
        token: &AccessToken,
    ) -> Result<Option<Secret>> {
        let mut proof = None;
        if token.bound {
            let (url, method) = (without_query(request.uri()), request.method().as_str());
            let (server, secret) = (Server::Resource, Some(&token.secret));
            proof = Some(self.dpop.proof(server, method, &url, self.now(), secret)?);
        }
        let scheme = if token.bound { "DPoP" } else { "Bearer" };
        let authorization = format!("{scheme} {}", token.secret.expose());
        let headers = request.headers_mut();
        headers.extend(header(AUTHORIZATION, &authorization));
        let signed = proof.as_ref();
        headers.extend(signed.and_then(|proof| header(DPOP, proof.expose())));
        Ok(proof)
    }

    /// Asks for a token: again with a nonce if one is demanded, and again if the host's clock turns out to be wrong.
    async fn new_token(&self, context: &HttpContext) -> Result<AccessToken> {
        let url = format!("{}{TOKEN_PATH}", context.org.as_str());
        let (mut challenged, mut corrected) = (false, false);
        loop {
            let asked = Instant::now();
            let offset = self.offset();
            let (request, secrets) = self.token_request(&url)?;
            let response = context
                .exchange(request, MAX_TOKEN_BODY_BYTES)
                .await
                .map_err(|error| oauth_error::no_token(&error.error))?;
            let granted = granted(response.body(), asked);
            let response = redacted(response, &secrets.iter().collect::<Vec<_>>());
            let judged = Judged::new(response, Endpoint::Token);
            let is_grant = judged.status() == StatusCode::OK && judged.verdict == Verdict::Success;
            let is_okta = judged.is_refusal() || (is_grant && granted.is_ok());
            let has_nonce = is_okta && self.learn(Server::Token, judged.headers());
            if is_grant {
                return granted.map_err(|what| oauth_error::unreadable(&judged, what));
            }
            let moved = (self.offset() - offset).abs() > MAX_CLOCK_ERROR;
            match oauth_error::of_token(&judged) {
                OAuthError::Nonce if has_nonce && !challenged => challenged = true,
                OAuthError::Client | OAuthError::Proof if moved && !corrected => {
                    corrected = true;
                    tracing::warn!(
                        org = %context.org,
                        seconds = self.offset().num_seconds(),
                        "the host's clock and the org's differ (positive: the org's is ahead), so that a token was refused; asking \
                         again by the org's clock; set the host's"
                    );
                }
                _ => {
                    let skew = (corrected || moved).then(|| self.offset());
                    return Err(oauth_error::token_error(&judged, &self.app, skew));
                }
            }
        }
    }

    fn token_request(&self, url: &str) -> Result<(Request<Bytes>, Vec<Secret>)> {
        let now = self.now();
        let proof = self.dpop.proof(Server::Token, "POST", url, now, None)?;
        let ask = self.app.token_request(url, now)?;
        let mut request = Request::new(Bytes::from(ask.form));
        *request.method_mut() = http::Method::POST;
        // An org's address with a path behind it is always a URI.
        *request.uri_mut() = url.parse().unwrap_or_default();
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, FORM);
        headers.extend(header(DPOP, proof.expose()));
        headers.extend(ask.authorization.map(|value| (AUTHORIZATION, value)));
        let mut secrets = ask.secrets;
        secrets.push(proof);
        Ok((request, secrets))
    }

    /// The time, by the org's clock as far as it is known.
    fn now(&self) -> DateTime<Utc> {
        let now = self.clock.now();
        now.checked_add_signed(self.offset()).unwrap_or(now)
    }

    pub(crate) fn offset(&self) -> TimeDelta {
        *self.offset.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Learns the clock offset and the nonce from an answer of Okta's own. True if the nonce is a new one.
    fn learn(&self, server: Server, headers: &HeaderMap) -> bool {
        if let Some(date) = plausible_date(headers) {
            let offset = date.signed_duration_since(self.clock.now());
            *self.offset.lock().unwrap_or_else(PoisonError::into_inner) = offset;
        }
        self.dpop.heard(server, headers)
    }
}

const DPOP: http::HeaderName = http::HeaderName::from_static("dpop");
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// A header with a secret. A JWT signed here and a checked token are always valid header values.
fn header(name: http::HeaderName, secret: &str) -> Option<(http::HeaderName, HeaderValue)> {
    let value = HeaderValue::from_str(secret).ok()?;
    Some((name, sensitive(value)))
}

/// The `htu` of a proof. (RFC 9449 §4.2: without query and fragment.)
fn without_query(uri: &http::Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or("https");
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    format!("{scheme}://{authority}{}", uri.path())
}

/// Reads the token of a good answer; the error describes an invalid one.
fn granted(answer: &[u8], asked: Instant) -> Result<AccessToken, &'static str> {
    #[derive(serde::Deserialize)]
    struct Grant {
        access_token: Secret,
        token_type: String,
        expires_in: u64,
    }
    // The reason is not shown: it may repeat the token.
    let grant: Grant = serde_json::from_slice(answer).map_err(|_| "no token")?;
    let bound = match grant.token_type.to_ascii_lowercase().as_str() {
        "dpop" => true,
        "bearer" => false,
        _ => return Err("a token of a type that is not known"),
    };
    let token = grant.access_token.expose();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("no token that fits into a header");
    }
    let life = Duration::from_secs(grant.expires_in).min(MAX_TOKEN_LIFE);
    Ok(AccessToken::new(grant.access_token, bound, life, asked))
}

impl fmt::Debug for OAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuth")
            .field("app", &self.app)
            .finish_non_exhaustive()
    }
}
