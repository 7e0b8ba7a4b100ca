//! Classifies refusals of an access token, and answers of the token endpoint without one.

use chrono::TimeDelta;
use http::StatusCode;
use http::header::WWW_AUTHENTICATE;
use okta_coralogix_core::internal::exchange::Verdict;
use okta_coralogix_core::text::sanitize;
use okta_coralogix_core::{Error, ErrorKind};

use super::service_app::ServiceApp;
use crate::api::advice::ADDRESS;
use crate::api::error::{passing, rate_limited};
use crate::api::judged::Judged;

/// Why the org refuses a token, or gives none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OAuthError {
    /// The org wants a proof with the nonce of its answer.
    Nonce,
    /// The proof is invalid.
    Proof,
    /// The access token is invalid or has expired.
    Token,
    /// The access token lacks the scope.
    Scope,
    /// The app lacks the role.
    Role,
    /// The org does not know the client, or the client did not authenticate.
    Client,
    Other,
}

/// Reads an answer of the API; `None` if it has nothing to do with the credential, or is not Okta's own.
pub(crate) fn of_resource(judged: &Judged) -> Option<OAuthError> {
    let status = judged.status();
    let is_about_credential = matches!(
        status,
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
    );
    if !is_about_credential || !judged.is_refusal() {
        return None;
    }
    let lines = judged.headers().get_all(WWW_AUTHENTICATE).iter();
    let challenges: Vec<_> = lines.filter_map(|line| line.to_str().ok()).collect();
    let challenge = challenges.join(", ");
    let says = |code: &str| {
        judged.error.error.as_deref() == Some(code)
            || challenge.contains(&format!("error=\"{code}\""))
    };
    if says("use_dpop_nonce") {
        return Some(OAuthError::Nonce);
    }
    if says("invalid_dpop_proof") {
        return Some(OAuthError::Proof);
    }
    if says("insufficient_scope") {
        return Some(OAuthError::Scope);
    }
    match status {
        StatusCode::UNAUTHORIZED => Some(OAuthError::Token),
        StatusCode::FORBIDDEN => Some(OAuthError::Role),
        // An invalid request is classified with the other answers of the API.
        _ => None,
    }
}

/// The error of an API that refuses an access token, also a fresh one.
pub(crate) fn resource_error(error: OAuthError, judged: &Judged) -> Error {
    let (kind, what, advice) = match error {
        OAuthError::Role => (
            ErrorKind::Forbidden,
            "Okta does not let the service app read the System Log",
            "assign it the Read-only or Report Administrator role on its Admin roles tab",
        ),
        OAuthError::Scope => (
            ErrorKind::Forbidden,
            "the access token has not the scope okta.logs.read",
            "grant it on the app's Okta API Scopes tab, and name it in OKTA_API_SCOPES if that is set",
        ),
        // The nonce of the answer was tried. A later attempt begins anew.
        OAuthError::Nonce => return endless_nonce(judged),
        OAuthError::Proof => (
            ErrorKind::Unauthorized,
            "Okta refuses the DPoP proof, also a new one",
            "write the very address of the org that the app belongs to, and check whether a proxy changes host or path",
        ),
        OAuthError::Token | OAuthError::Client | OAuthError::Other => (
            ErrorKind::Unauthorized,
            "Okta refuses the access token, also a fresh one",
            "check in the Admin Console that the service app is active, and that OKTA_ORG_URL is the org that it belongs to",
        ),
    };
    Error::new(kind, format!("{what} ({}): {advice}", judged.summary()))
}

fn endless_nonce(judged: &Judged) -> Error {
    Error::temporary(
        ErrorKind::UnexpectedResponse,
        format!(
            "the org asks for a DPoP nonce and takes none ({})",
            judged.summary()
        ),
    )
}

/// Why there is no token.
pub(crate) fn of_token(judged: &Judged) -> OAuthError {
    match judged.error.error.as_deref().unwrap_or_default() {
        "use_dpop_nonce" => OAuthError::Nonce,
        "invalid_dpop_proof" => OAuthError::Proof,
        "invalid_scope" | "consent_required" => OAuthError::Scope,
        "invalid_client" => OAuthError::Client,
        "unauthorized_client" | "access_denied" => OAuthError::Role,
        _ => OAuthError::Other,
    }
}

/// The error of a token endpoint that gives none: by its status first, as everywhere. `skew`: how far the org's clock was found
/// to be ahead of the host's, where that may be the reason.
pub(crate) fn token_error(judged: &Judged, app: &ServiceApp, skew: Option<TimeDelta>) -> Error {
    let summary = judged.summary();
    let unable = format!("the org cannot give tokens at the moment ({summary})");
    if let Some(error) = passing(judged, &unable) {
        return error;
    }
    match &judged.verdict {
        // The token endpoint has a limit of its own.
        Verdict::Error(ErrorKind::RateLimited) => {
            return rate_limited(judged, "token requests", "");
        }
        Verdict::Error(ErrorKind::WrongEndpoint) => {
            let detail = format!("this address gives no tokens ({summary}): {ADDRESS}");
            return Error::new(ErrorKind::WrongEndpoint, detail);
        }
        Verdict::Success => return unreadable(judged, "no token"),
        _ => {}
    }
    let (kind, reason) = match of_token(judged) {
        OAuthError::Client => (ErrorKind::Unauthorized, client(judged, app, skew)),
        OAuthError::Scope => (
            ErrorKind::Forbidden,
            "grant okta.logs.read on the app's Okta API Scopes tab; only a super administrator can".to_owned(),
        ),
        OAuthError::Role => (
            ErrorKind::Forbidden,
            "the app may not ask for tokens of its own: use an app of the type API Services, and check that it is active".to_owned(),
        ),
        OAuthError::Proof => (
            ErrorKind::Unauthorized,
            skew.map_or_else(
                || {
                    "the DPoP proof was not taken: write the very address of the org that the app belongs to, and check \
                     whether a proxy changes host or path"
                        .to_owned()
                },
                clocks,
            ),
        ),
        OAuthError::Nonce => return endless_nonce(judged),
        OAuthError::Token | OAuthError::Other => (
            match judged.status() {
                StatusCode::UNAUTHORIZED => ErrorKind::Unauthorized,
                StatusCode::FORBIDDEN => ErrorKind::Forbidden,
                _ => ErrorKind::Rejected,
            },
            "check the client id, the key and the scopes of the app".to_owned(),
        ),
    };
    let detail = format!("Okta gives no access token ({summary}): {reason}");
    Error::new(kind, detail)
}

/// Why the client is refused. Okta gives the reason as text only, so that an unknown text gets the longer advice.
fn client(judged: &Judged, app: &ServiceApp, skew: Option<TimeDelta>) -> String {
    let description = judged.error.error_description.as_deref();
    let words = description.unwrap_or_default().to_ascii_lowercase();
    let says = |word: &str| words.contains(word);
    let text = if !app.has_key() {
        "client id and client secret do not belong together, or the integration was revoked; create a new secret on its page in \
         the Admin Console (OKTA_API_CLIENT_ID, OKTA_API_CLIENT_SECRET)"
    } else if says("kid") {
        let Some(id) = app.sent_key_id() else {
            return "the app has several public keys, or wants to be told which; copy the kid of yours from its General tab, under \
                    Public Keys (OKTA_API_PRIVATE_KEY_ID)"
                .to_owned();
        };
        return format!(
            "the app has no public key with the id \"{}\"; copy the kid from its General tab, under Public Keys \
             (OKTA_API_PRIVATE_KEY_ID)",
            sanitize(id)
        );
    } else if says("signature") {
        "the private key does not belong to the public key of the app, or to another kid; register its public half on the app's \
         General tab, under Public Keys (OKTA_API_PRIVATE_KEY, OKTA_API_PRIVATE_KEY_ID)"
    } else if says("audience") || says("aud ") {
        "the address of the org is not the one by which it knows itself; write the org's own address, or its custom domain \
         exactly as it is (OKTA_ORG_URL)"
    } else if let Some(skew) = skew {
        return clocks(skew);
    } else if says("expir") || says("issued") || says("iat") {
        "the org takes the time in the request for wrong, though its own clock agrees; check whether a proxy answers in its place"
    } else {
        "the client id is not known, the app is not active, or its client authentication is not Public key / Private key \
         (OKTA_API_CLIENT_ID)"
    };
    text.to_owned()
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

/// A 200 without a usable token. It is temporary, since a maintenance page looks like this.
pub(crate) fn unreadable(judged: &Judged, what: &str) -> Error {
    let detail = format!(
        "the org sent {what} where a token should be (HTTP {}{})",
        judged.status().as_u16(),
        judged.request_id()
    );
    Error::temporary(ErrorKind::UnexpectedResponse, detail)
}

/// No complete answer from the token endpoint.
pub(crate) fn no_token(error: &Error) -> Error {
    let detail = format!("no access token: {error}");
    Error::new(error.kind(), detail)
        .with_retry(error.retry())
        .with_source(error.clone())
}
