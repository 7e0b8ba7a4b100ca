//! Errors of answers that are not Okta's, or not recognisably: what was seen, and what to check if it lasts.

use http::StatusCode;
use okta_coralogix_core::internal::exchange::Interception;
use okta_coralogix_core::{Error, ErrorKind, RetryHint};

use crate::api::advice::{ADDRESS, advice};
use crate::api::judged::{Endpoint, Judged};
use crate::api::rate_limit::asked_wait;

/// An answer that is not Okta's own, or of which that cannot be told. It is temporary: a page of a filter, a portal or a gateway that
/// restarts passes by itself.
pub(crate) fn intercepted(judged: &Judged, interception: &Interception) -> Error {
    let answered = format!("{interception}{}", judged.request_id());
    let detail = if !interception.is_foreign() {
        unmarked(judged, &answered)
    } else if judged.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
        format!(
            "a proxy between this program and Okta answered {answered}: it wants a login of its own; ask its administrator for \
             the login settings, or to let this program through without one"
        )
    } else {
        let own = own_setting(judged);
        format!(
            "something between this program and Okta answered {answered}; if it lasts, check the proxy or web filter, or {own}"
        )
    };
    Error::temporary(ErrorKind::Intercepted, asked_for(judged, detail))
}

/// An answer of a status that says nothing about who gave it, without Okta's mark: temporary, since only Okta can refuse the request.
pub(crate) fn unexplained(judged: &Judged, kind: ErrorKind) -> Error {
    let answered = format!("{}{}", judged.status(), judged.request_id());
    Error::temporary(kind, asked_for(judged, unmarked(judged, &answered)))
}

/// A 402, which no API of Okta documents.
pub(crate) fn out_of_quota(judged: &Judged) -> Error {
    let detail = format!(
        "a quota or plan is used up ({}): if this lasts, check the plan of the org, and that of a proxy or gateway on the way",
        judged.summary()
    );
    let wait = asked_wait(judged.headers());
    Error::temporary(ErrorKind::RateLimited, asked_for(judged, detail))
        .with_retry(RetryHint::rate_limited(wait))
}

/// Names both who may have answered, since it cannot be told.
fn unmarked(judged: &Judged, answered: &str) -> String {
    let lacks = match judged.request_id().is_empty() {
        true => "without an error code and without a request id of Okta",
        false => "without an error code of Okta",
    };
    let own = match judged.endpoint {
        Endpoint::Token if is_about_credential(judged.status()) => {
            "check the client id, the key and the scopes of the app"
        }
        Endpoint::Token => ADDRESS,
        _ => advice(judged.status(), None).1,
    };
    format!(
        "Okta, or something between this program and Okta, answered {answered}, {lacks}; if it lasts, check the proxy or web \
         filter; if it is Okta's answer, {own}"
    )
}

fn asked_for(judged: &Judged, detail: String) -> String {
    match judged.endpoint {
        Endpoint::Token => format!("no access token: {detail}"),
        Endpoint::Log | Endpoint::LogWithAccessToken => detail,
    }
}

fn is_about_credential(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
    )
}

/// The setting of ours that may explain the answer.
fn own_setting(judged: &Judged) -> &'static str {
    match judged.endpoint {
        _ if !is_about_credential(judged.status()) => "the address of the org (OKTA_ORG_URL)",
        Endpoint::Log => "the API token (OKTA_API_TOKEN)",
        Endpoint::LogWithAccessToken | Endpoint::Token => "the service app (OKTA_API_CLIENT_ID)",
    }
}
