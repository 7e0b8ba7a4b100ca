//! Names that are metric labels, and what `?` makes of the small errors.

use std::error::Error as StdError;
use std::io;

use okta_coralogix_core::dead_letter::DeadLetterReason;
use okta_coralogix_core::event::{MalformedReason, PageError};
use okta_coralogix_core::mapping::MappingError;
use okta_coralogix_core::pipeline::Disposition;
use okta_coralogix_core::sink::EncodeError;
use okta_coralogix_core::transport::{TransportCause, TransportError};
use okta_coralogix_core::{Error, ErrorKind, InvalidEntry, MalformedEvent, Outcome};

#[test]
fn names_of_kinds_dispositions_and_reasons_stay_as_they_are() {
    let kinds = [
        (ErrorKind::Config, "config"),
        (ErrorKind::Unauthorized, "unauthorized"),
        (ErrorKind::Forbidden, "forbidden"),
        (ErrorKind::WrongEndpoint, "wrong_endpoint"),
        (ErrorKind::HostileLink, "hostile_link"),
        (ErrorKind::TooLarge, "too_large"),
        (ErrorKind::Rejected, "rejected"),
        (ErrorKind::RateLimited, "rate_limited"),
        (ErrorKind::Unavailable, "unavailable"),
        (ErrorKind::Network, "network"),
        (ErrorKind::TimedOut, "timed_out"),
        (ErrorKind::UnexpectedResponse, "unexpected_response"),
        (ErrorKind::Intercepted, "intercepted"),
        (ErrorKind::Storage, "storage"),
        (ErrorKind::RemoteStorage, "remote_storage"),
        (ErrorKind::Locked, "locked"),
        (ErrorKind::Conflict, "conflict"),
        (ErrorKind::Corrupt, "corrupt"),
        (ErrorKind::InvalidEvent, "invalid_event"),
        (ErrorKind::NoDeadLetters, "no_dead_letters"),
        (ErrorKind::GaveUp, "gave_up"),
        (ErrorKind::LeaseLost, "lease_lost"),
    ];
    let kinds = kinds.map(|(kind, name)| (kind.as_str(), kind.to_string(), name));
    let dispositions = [
        (Disposition::Delivered, "delivered"),
        (Disposition::TooOld, "too_old"),
        (Disposition::Duplicate, "duplicate"),
        (Disposition::Filtered, "filtered"),
        (Disposition::DeadLettered, "dead_lettered"),
        (Disposition::HandedBack, "handed_back"),
    ];
    let dispositions = dispositions.map(|(of, name)| (of.as_str(), of.to_string(), name));
    let outcomes = [
        (Outcome::Settled, "settled"),
        (Outcome::HandedBack, "handed_back"),
    ];
    let outcomes = outcomes.map(|(of, name)| (of.as_str(), of.to_string(), name));
    let reasons = [
        (DeadLetterReason::Malformed, "malformed"),
        (DeadLetterReason::TooOld, "too_old"),
        (DeadLetterReason::Unmappable, "unmappable"),
        (DeadLetterReason::TooLarge, "too_large"),
        (DeadLetterReason::Rejected, "rejected"),
        (DeadLetterReason::Blocked, "blocked"),
    ];
    let reasons = reasons.map(|(of, name)| (of.as_str(), of.to_string(), name));
    let all = kinds.into_iter().chain(dispositions);
    for (label, shown, name) in all.chain(outcomes).chain(reasons) {
        assert_eq!((label, &*shown), (name, name));
    }
}

/// As a caller's function does it.
fn raised<E>(error: E) -> Error
where
    Error: From<E>,
{
    let raise = || -> Result<(), Error> { Err(error)? };
    raise().unwrap_err()
}

#[test]
fn small_errors_become_the_error_by_the_question_mark_and_stay_its_source() {
    let malformed = MalformedEvent::new("[]", MalformedReason::NotAnObject, Default::default());
    let large = EncodeError::TooLarge { bytes: 2, limit: 1 };
    for (error, kind) in [
        (raised(large.clone()), ErrorKind::TooLarge),
        (
            raised(EncodeError::from(InvalidEntry::NotUtf8)),
            ErrorKind::InvalidEvent,
        ),
        (raised(InvalidEntry::NoText), ErrorKind::InvalidEvent),
        (raised(MappingError::new("no")), ErrorKind::InvalidEvent),
        (raised(malformed), ErrorKind::InvalidEvent),
        (raised(PageError::Truncated), ErrorKind::UnexpectedResponse),
    ] {
        assert_eq!(error.kind(), kind, "{error}");
        let source = error.source().map(ToString::to_string);
        assert_eq!(source.as_deref(), Some(error.detail()));
        let is_of_the_remote = kind == ErrorKind::UnexpectedResponse;
        assert_eq!(error.is_temporary(), is_of_the_remote, "{error}");
    }
    let source = raised(large.clone());
    let source = source.source().unwrap().downcast_ref::<EncodeError>();
    assert_eq!(source, Some(&large));
}

#[test]
fn lost_connection_keeps_its_cause_down_to_the_operating_system() {
    let cause = TransportCause::from("it refuses connections")
        .with_source(io::Error::from(io::ErrorKind::ConnectionRefused));
    for (error, ambiguous) in [
        (TransportError::Connect(cause), false),
        (TransportError::Interrupted("reset".into()), true),
    ] {
        let error = raised(error);
        assert_eq!(
            (error.kind(), error.is_ambiguous()),
            (ErrorKind::Network, ambiguous)
        );
        assert!(error.is_temporary());
        let transport = error.source().unwrap();
        let transport = transport.downcast_ref::<TransportError>().unwrap();
        let system = transport
            .source()
            .and_then(|cause| cause.downcast_ref::<io::Error>());
        assert_eq!(system.is_some(), !ambiguous, "{error}");
    }
}

#[test]
fn clone_of_an_error_is_the_same_and_shares_its_source() {
    let error = Error::temporary(ErrorKind::RemoteStorage, "the bucket is away")
        .with_ambiguity(true)
        .with_source(io::Error::other("cause"));
    let copy = error.clone();
    assert_eq!(format!("{copy:?}"), format!("{error:?}"));
    assert!(copy.source().unwrap().is::<io::Error>());
}
