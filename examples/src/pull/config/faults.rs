//! Faults of the program itself, as errors: they must not end more than one org.

use std::any::Any;

use okta_coralogix_core::{Error, ErrorKind};

/// The reading of secrets has ended so.
pub(super) fn interrupted(error: tokio::task::JoinError) -> Error {
    let detail = "a fault of the program ended the reading of the secrets";
    Error::new(ErrorKind::UnexpectedResponse, detail).with_source(error)
}

/// A run has ended so.
pub(super) fn panicked(panic: &(dyn Any + Send)) -> Error {
    let detail = "a fault of the program ended it";
    let error = Error::new(ErrorKind::UnexpectedResponse, detail);
    let message = panic.downcast_ref::<&str>().copied();
    match message.or_else(|| panic.downcast_ref::<String>().map(String::as_str)) {
        Some(message) => error.with_source(message),
        None => error,
    }
}
