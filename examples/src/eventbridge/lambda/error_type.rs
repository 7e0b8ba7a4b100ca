//! What a function reports of a failed invocation: a word that alarms and destinations can match, and a sentence.

use lambda_runtime::Diagnostic;
use okta_coralogix_core::text::with_causes;
use okta_coralogix_core::{Error, ErrorKind};

/// The report of a failed invocation.
pub(super) fn diagnostic(error: &Error) -> Diagnostic {
    Diagnostic {
        error_type: error_type(error.kind()).into(),
        error_message: with_causes(error),
    }
}

/// The `errorType`: it stays as it is, since alarms match it.
fn error_type(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Config => "Config",
        ErrorKind::Unauthorized => "Unauthorized",
        ErrorKind::Forbidden => "Forbidden",
        ErrorKind::WrongEndpoint | ErrorKind::HostileLink => "WrongEndpoint",
        ErrorKind::TooLarge | ErrorKind::Rejected => "Rejected",
        ErrorKind::RateLimited => "RateLimited",
        ErrorKind::Unavailable => "NotSettled",
        ErrorKind::Network | ErrorKind::TimedOut | ErrorKind::Intercepted => "Network",
        ErrorKind::UnexpectedResponse => "NoEvent",
        ErrorKind::Storage
        | ErrorKind::Locked
        | ErrorKind::Conflict
        | ErrorKind::Corrupt
        | ErrorKind::NoDeadLetters => "Storage",
        _ => "Failed",
    }
}
