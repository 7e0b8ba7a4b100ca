//! The causes of an SDK's error.

use std::error::Error as StdError;
use std::io;
use std::iter::successors;

use aws_credential_types::provider::error::CredentialsError;
use okta_coralogix_core::text::sanitize;
use okta_coralogix_core::transport::TransportError;

/// The texts of the SDK's own layers.
const GENERIC: [&str; 4] = [
    "dispatch failure",
    "failed to construct request",
    "service error",
    "request has timed out",
];

type Cause<'a> = &'a (dyn StdError + 'static);

/// The error and its causes, the outermost first.
pub(super) fn causes<'a>(error: Cause<'a>) -> Vec<Cause<'a>> {
    successors(Some(error), |error| next(*error)).collect()
}

/// An `io::Error` with an error inside skips that one in its `source`.
fn next(error: Cause<'_>) -> Option<Cause<'_>> {
    let inner = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    match inner {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

/// The innermost cause of this type.
pub(super) fn find<'a, E: StdError + 'static>(causes: &[Cause<'a>]) -> Option<&'a E> {
    causes.iter().rev().find_map(|cause| cause.downcast_ref())
}

/// What the transport says, else the two innermost causes: those around them say only that something failed.
pub(super) fn last_words(error: Cause<'_>) -> String {
    let causes = causes(error);
    if let Some(error) = find::<TransportError>(&causes) {
        return error.to_string();
    }
    let of_their_own = |cause: &Cause<'_>| !cause.is::<CredentialsError>();
    let mut texts: Vec<_> = causes
        .into_iter()
        .filter(of_their_own)
        .map(ToString::to_string)
        // A kind of error without text is written as one word.
        .filter(|text| text.contains(' ') && !GENERIC.contains(&text.as_str()))
        .collect();
    texts.dedup();
    let said = texts.split_off(texts.len().saturating_sub(2));
    match said.is_empty() {
        true => sanitize(&error.to_string()),
        false => sanitize(&said.join(": ")),
    }
}
