//! What is no envelope.

use bytes::Bytes;
use eventbridge_source::{Envelope, EnvelopeFault};
use okta_coralogix_core::MalformedEvent;
use okta_coralogix_core::event::MalformedReason;

fn fault(document: &'static [u8]) -> EnvelopeFault {
    let error = Envelope::parse(Bytes::from_static(document)).unwrap_err();
    assert_eq!(error.document, document, "the bytes are kept");
    error.fault
}

#[test]
fn a_document_that_is_not_utf8_is_refused() {
    assert_eq!(
        fault(b"{\"detail\":{\"a\":\"\xff\"}}"),
        EnvelopeFault::NotUtf8
    );
}

#[test]
fn a_document_that_is_not_json_is_refused() {
    for document in [
        "",
        " ",
        "<html>",
        "{",
        r#"{"detail":{}"#,
        r#"{"detail":{"a":1,}}"#,
        r#"{"detail":{}} {}"#,
        r#"{"detail":{}}]"#,
        r#"{detail:{}}"#,
    ] {
        let fault = fault(document.as_bytes());
        assert!(matches!(fault, EnvelopeFault::NotJson(_)), "{document}");
    }
}

#[test]
fn a_document_that_is_no_object_is_refused() {
    for document in ["null", "true", "1", "-1", "1.5", "\"detail\"", "[]", "[{}]"] {
        assert_eq!(fault(document.as_bytes()), EnvelopeFault::NotAnObject);
    }
}

#[test]
fn an_envelope_without_detail_is_refused() {
    for document in ["{}", r#"{"uuid":"u"}"#, r#"{"a":{"detail":{}}}"#] {
        assert_eq!(fault(document.as_bytes()), EnvelopeFault::NoDetail);
    }
}

#[test]
fn a_detail_that_is_no_object_is_refused() {
    for document in [
        r#"{"detail":null}"#,
        r#"{"detail": [{}]}"#,
        r#"{"detail":"{}"}"#,
        r#"{"detail":{},"detail":1}"#,
    ] {
        assert_eq!(fault(document.as_bytes()), EnvelopeFault::DetailNotAnObject);
    }
}

#[test]
fn a_refusal_turns_into_a_dead_letter() {
    let error = Envelope::parse(Bytes::from_static(b"{}")).unwrap_err();
    let malformed = MalformedEvent::from(error);
    assert_eq!(malformed.bytes, "{}");
    let reason = MalformedReason::Refused("`detail` is missing".into());
    assert_eq!(malformed.reason, reason);
}
