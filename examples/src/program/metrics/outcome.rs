//! Errors as the values of a label: bounded sets, and no text of a remote.

use okta_coralogix_core::{Error, ErrorKind};

/// How requests to Coralogix end.
pub(super) const INGRESS: &[&str] = &[
    "accepted",
    "rejected",
    "too_large",
    "auth",
    "blocked",
    "rate_limited",
    "server",
    "network",
    "ambiguous",
];

/// How requests to Okta end.
pub(super) const OKTA: &[&str] = &[
    "ok",
    "rate_limited",
    "auth",
    "client",
    "blocked",
    "server",
    "network",
];

/// What can happen to a log stream of Okta.
pub(super) const LOG_STREAMS: &[&str] = &[
    "created",
    "activated",
    "deactivated",
    "updated",
    "deleted",
    "other",
];

/// How saves of a checkpoint end.
pub(super) const SAVES: &[&str] = &["ok", "conflict", "error"];

/// The end of a request that Coralogix did not accept. `ambiguous`: it may have all the same.
pub(super) fn of_ingress(error: &Error) -> &'static str {
    if error.is_ambiguous() {
        return "ambiguous";
    }
    match error.kind() {
        ErrorKind::Rejected => "rejected",
        ErrorKind::TooLarge => "too_large",
        kind => of_any(kind),
    }
}

/// The end of a request that Okta did not answer as it should.
pub(super) fn of_okta(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::Rejected | ErrorKind::TooLarge | ErrorKind::HostileLink => "client",
        kind => of_any(kind),
    }
}

fn of_any(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Unauthorized | ErrorKind::Forbidden => "auth",
        ErrorKind::Intercepted | ErrorKind::WrongEndpoint => "blocked",
        ErrorKind::RateLimited => "rate_limited",
        ErrorKind::Network | ErrorKind::TimedOut => "network",
        _ => "server",
    }
}

/// The end of a save that failed.
pub(super) fn of_save(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::Conflict => "conflict",
        _ => "error",
    }
}

/// The statuses that an endpoint answers requests with.
pub(super) const STATUSES: &[&str] = &["200", "400", "401", "413", "415", "503", "other"];

pub(super) fn of_status(status: u16) -> &'static str {
    match status {
        200 => "200",
        400 => "400",
        401 => "401",
        413 => "413",
        415 => "415",
        503 => "503",
        _ => "other",
    }
}
