//! What it means when the org refuses a token, or gives none.

use bytes::Bytes;
use chrono::TimeDelta;
use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, Response, StatusCode};
use okta_coralogix_core::text::sanitize;
use okta_coralogix_core::{Error, ErrorKind, RetryHint, transport};
use serde::Deserialize;

use super::service_app::ServiceApp;
use crate::api::error::request_id;
use crate::api::rate_limit;

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A proof with the nonce of the answer is wanted.
    Nonce,
    /// The proof is not good.
    Proof,
    /// The access token is not good (any more).
    Token,
    /// The access token has not the scope.
    Scope,
    /// The app may not do this.
    Role,
    /// Who asks for a token is not known, or did not show it.
    Client,
    /// Something else.
    Other,
}

/// The bodies of both endpoints. Any member may be absent, and the texts may repeat what was sent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Body {
    error: Option<String>,
    error_description: Option<String>,
    #[serde(rename = "errorCode")]
    code: Option<String>,
    #[serde(rename = "errorSummary")]
    summary: Option<String>,
}

impl Body {
    fn read(response: &Response<Bytes>) -> Self {
        serde_json::from_slice(response.body()).unwrap_or_default()
    }

    fn error(&self) -> &str {
        self.error.as_deref().unwrap_or_default()
    }

    fn description(&self) -> &str {
        self.error_description.as_deref().unwrap_or_default()
    }
}

/// `None` if the answer has nothing to do with who asks.
pub(crate) fn of_resource(response: &Response<Bytes>) -> Option<Refusal> {
    let status = response.status();
    if !matches!(
        status,
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
    ) {
        return None;
    }
    let challenge = challenge(response.headers());
    let body = Body::read(response);
    let says =
        |error: &str| body.error() == error || challenge.contains(&format!("error=\"{error}\""));
    if says("use_dpop_nonce") {
        return Some(Refusal::Nonce);
    }
    if says("invalid_dpop_proof") {
        return Some(Refusal::Proof);
    }
    if says("insufficient_scope") {
        return Some(Refusal::Scope);
    }
    match status {
        StatusCode::UNAUTHORIZED => Some(Refusal::Token),
        StatusCode::FORBIDDEN => Some(Refusal::Role),
        // A request that is wrong by itself: that is for who reads the log to judge.
        _ => None,
    }
}

/// The `WWW-Authenticate` of an answer, all of its lines.
fn challenge(headers: &HeaderMap) -> String {
    let lines = headers.get_all(WWW_AUTHENTICATE).iter();
    let lines: Vec<_> = lines.filter_map(|line| line.to_str().ok()).collect();
    lines.join(", ")
}

/// The error of a resource that refuses a token, also a fresh one.
pub(crate) fn resource_error(refusal: Refusal, response: &Response<Bytes>) -> Error {
    let said = said(response);
    match refusal {
        Refusal::Role => Error::new(
            ErrorKind::Forbidden,
            format!(
                "the service app may not read the System Log ({said}): assign it the Read-only or Report Administrator role on \
                 its Admin roles tab"
            ),
        ),
        Refusal::Scope => Error::new(
            ErrorKind::Forbidden,
            format!(
                "the access token has not the scope okta.logs.read ({said}): grant it on the app's Okta API Scopes tab, and name \
                 it in OKTA_API_SCOPES if that is set"
            ),
        ),
        // Each was tried a second time with what the answer asked for. A later attempt begins anew.
        Refusal::Nonce => Error::temporary(
            ErrorKind::UnexpectedAnswer,
            format!("the org asks for a DPoP nonce and takes none ({said})"),
        ),
        Refusal::Proof => Error::new(
            ErrorKind::Unauthorized,
            format!(
                "Okta refuses the DPoP proof, also a new one ({said}): write the very address of the org that the app belongs to, \
                 and check whether a proxy changes host or path"
            ),
        ),
        Refusal::Token | Refusal::Client | Refusal::Other => Error::new(
            ErrorKind::Unauthorized,
            format!(
                "Okta refuses the access token, also a fresh one ({said}): check in the Admin Console that the service app is \
                 active, and that OKTA_ORG_URL is the org that it belongs to"
            ),
        ),
    }
}

/// Why there is no token.
pub(crate) fn of_token(response: &Response<Bytes>) -> Refusal {
    match Body::read(response).error() {
        "use_dpop_nonce" => Refusal::Nonce,
        "invalid_dpop_proof" => Refusal::Proof,
        "invalid_scope" | "consent_required" => Refusal::Scope,
        "invalid_client" => Refusal::Client,
        "unauthorized_client" | "access_denied" => Refusal::Role,
        _ => Refusal::Other,
    }
}

/// The error of a token endpoint that gives none: judged by status first, as everywhere. `skew`: how far the org's clock was found
/// to be ahead of the host's, where that may be the reason.
pub(crate) fn token_error(
    response: &Response<Bytes>,
    app: &ServiceApp,
    skew: Option<TimeDelta>,
) -> Error {
    let status = response.status();
    let said = said(response);
    match status {
        StatusCode::TOO_MANY_REQUESTS => return rate_limited(response.headers(), &said),
        StatusCode::REQUEST_TIMEOUT => return unavailable(response.headers(), &said),
        status if status.is_server_error() => return unavailable(response.headers(), &said),
        StatusCode::NOT_FOUND => {
            return Error::new(
                ErrorKind::WrongEndpoint,
                format!(
                    "this address gives no tokens ({said}): write the address of the org itself, such as https://example.okta.com"
                ),
            );
        }
        status if status.is_redirection() => {
            return Error::new(
                ErrorKind::WrongEndpoint,
                format!(
                    "this address answers a token request with a redirect ({said}), which is not followed: write the address of the \
                     org itself, such as https://example.okta.com"
                ),
            );
        }
        status if status.is_success() => return unreadable(response, "no token"),
        _ => {}
    }
    let (kind, reason) = match of_token(response) {
        Refusal::Client => (ErrorKind::Unauthorized, client(response, app, skew)),
        Refusal::Scope => (
            ErrorKind::Forbidden,
            "grant okta.logs.read on the app's Okta API Scopes tab; only a super administrator can".to_owned(),
        ),
        Refusal::Role => (
            ErrorKind::Forbidden,
            "the app may not ask for tokens of its own: use an app of the type API Services, and check that it is active".to_owned(),
        ),
        Refusal::Proof => (
            ErrorKind::Unauthorized,
            match skew {
                Some(skew) => clocks(skew),
                None => "the DPoP proof was not taken: write the very address of the org that the app belongs to, and check \
                         whether a proxy changes host or path"
                    .to_owned(),
            },
        ),
        Refusal::Nonce => {
            return Error::temporary(
                ErrorKind::UnexpectedAnswer,
                format!("the org asks for a DPoP nonce and takes none ({said})"),
            );
        }
        Refusal::Token | Refusal::Other => (
            match status {
                StatusCode::UNAUTHORIZED => ErrorKind::Unauthorized,
                StatusCode::FORBIDDEN => ErrorKind::Forbidden,
                _ => ErrorKind::Rejected,
            },
            "check the client id, the key and the scopes of the app".to_owned(),
        ),
    };
    Error::new(
        kind,
        format!("Okta gives no access token ({said}): {reason}"),
    )
}

/// What is wrong with who asks. Okta says it in words only, so that an unknown wording gets the longer advice.
fn client(response: &Response<Bytes>, app: &ServiceApp, skew: Option<TimeDelta>) -> String {
    if !app.has_key() {
        return "client id and client secret do not belong together, or the integration was revoked; create a new secret on its \
                page in the Admin Console (OKTA_API_CLIENT_ID, OKTA_API_CLIENT_SECRET)"
            .to_owned();
    }
    let words = Body::read(response).description().to_ascii_lowercase();
    let says = |word: &str| words.contains(word);
    if says("kid") {
        return match app.sent_key_id() {
            Some(id) => format!(
                "the app has no public key with the id {:?}; copy the kid from its General tab, under Public Keys \
                 (OKTA_API_PRIVATE_KEY_ID)",
                sanitize(id)
            ),
            None => "the app has several public keys, or wants to be told which; copy the kid of yours from its General tab, under \
                     Public Keys (OKTA_API_PRIVATE_KEY_ID)"
                .to_owned(),
        };
    }
    if says("signature") {
        return "the private key does not belong to the public key of the app, or to another kid; register its public half on the \
                app's General tab, under Public Keys (OKTA_API_PRIVATE_KEY, OKTA_API_PRIVATE_KEY_ID)"
            .to_owned();
    }
    if says("audience") || says("aud ") {
        return "the address of the org is not the one by which it knows itself; write the org's own address, or its custom domain \
                exactly as it is (OKTA_ORG_URL)"
            .to_owned();
    }
    if let Some(skew) = skew {
        return clocks(skew);
    }
    if says("expir") || says("issued") || says("iat") {
        return "the org takes the time in the request for wrong, though its own clock agrees; check whether a proxy answers in its \
                place"
            .to_owned();
    }
    "the client id is not known, the app is not active, or its client authentication is not Public key / Private key \
     (OKTA_API_CLIENT_ID)"
        .to_owned()
}

fn clocks(skew: TimeDelta) -> String {
    format!(
        "the host's clock is {} s {} the org's; set it",
        skew.num_seconds().abs(),
        if skew > TimeDelta::zero() {
            "behind"
        } else {
            "ahead of"
        }
    )
}

/// A good status without what it should bring. It passes: a maintenance page looks like this.
pub(crate) fn unreadable(response: &Response<Bytes>, what: &str) -> Error {
    let detail = format!(
        "the org sent {what} where a token should be (HTTP {}{})",
        response.status().as_u16(),
        request_id(response.headers())
    );
    Error::temporary(ErrorKind::UnexpectedAnswer, detail)
}

/// No complete answer from the token endpoint.
pub(crate) fn no_token(error: &Error) -> Error {
    let detail = format!("no access token: {error}");
    Error::new(error.kind(), detail).with_retry(error.retry())
}

/// The token endpoint counts by itself, apart from the log's.
fn rate_limited(headers: &HeaderMap, said: &str) -> Error {
    let wait = rate_limit::asked_wait(headers);
    let detail = match wait {
        Some(wait) => format!(
            "the org's limit of token requests is used up for {} s ({said})",
            wait.as_secs()
        ),
        None => format!("the org takes no more token requests at the moment ({said})"),
    };
    Error::temporary(ErrorKind::RateLimited, detail)
        .with_retry(wait.map_or(RetryHint::Backoff, RetryHint::After))
}

fn unavailable(headers: &HeaderMap, said: &str) -> Error {
    let detail = format!("the org cannot give tokens at the moment ({said})");
    let error = Error::temporary(ErrorKind::Unavailable, detail);
    match transport::retry_after(headers) {
        Some(wait) => error.with_retry(RetryHint::After(wait.min(rate_limit::LONGEST_WAIT))),
        None => error,
    }
}

/// Status, codes, texts and request id, for the brackets of a message.
fn said(response: &Response<Bytes>) -> String {
    let body = Body::read(response);
    let mut said = format!("HTTP {}", response.status().as_u16());
    let parts = [body.error, body.error_description, body.code, body.summary];
    for part in parts.iter().flatten() {
        said.push_str(", ");
        said.push_str(&sanitize(part));
    }
    said + &request_id(response.headers())
}
