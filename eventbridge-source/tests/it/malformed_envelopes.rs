//! Documents that are no envelope are refused with their bytes.

use bytes::Bytes;
use eventbridge_source::Envelope;
use okta_coralogix_core::event::MalformedReason;

fn fault(document: &'static [u8]) -> MalformedReason {
    let error = Envelope::parse(Bytes::from_static(document)).unwrap_err();
    assert_eq!(error.bytes, document, "the bytes are kept");
    error.reason
}

fn refused(reason: &str) -> MalformedReason {
    MalformedReason::Refused(reason.into())
}

#[test]
fn a_document_that_is_not_utf8_is_refused() {
    assert_eq!(
        fault(b"{\"detail\":{\"a\":\"\xff\"}}"),
        MalformedReason::NotUtf8
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
        assert!(matches!(fault, MalformedReason::NotJson(_)), "{document}");
    }
}

#[test]
fn a_document_that_is_no_object_is_refused() {
    for document in ["null", "true", "1", "-1", "1.5", "\"detail\"", "[]", "[{}]"] {
        assert_eq!(fault(document.as_bytes()), MalformedReason::NotAnObject);
    }
}

#[test]
fn an_envelope_without_detail_is_refused() {
    for document in ["{}", r#"{"uuid":"u"}"#, r#"{"a":{"detail":{}}}"#] {
        assert_eq!(fault(document.as_bytes()), refused("`detail` is missing"));
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
        assert_eq!(
            fault(document.as_bytes()),
            refused("`detail` is not a JSON object")
        );
    }
}
