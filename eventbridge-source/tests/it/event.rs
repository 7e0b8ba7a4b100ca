//! From an envelope to an event.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use eventbridge_source::{Envelope, PartnerSource};
use okta_coralogix_core::event::MalformedReason;

const EXAMPLE: &[u8] = include_bytes!("../fixtures/okta-system-log.json");

const EVENT: &str = r#"{"uuid":"u","published":"2026-05-04T11:59:58.126Z"}"#;

fn with_source(source: &str) -> Bytes {
    format!(r#"{{"source":"{source}","detail":{EVENT}}}"#).into()
}

#[test]
fn oktas_example_becomes_an_event_that_keeps_its_document() {
    let envelope = Envelope::parse(Bytes::from_static(EXAMPLE)).unwrap();
    assert_eq!(envelope.detail_type.as_deref(), Some("SystemLog"));
    assert!(envelope.other.is_empty());
    let detail = envelope.detail();
    let event = envelope.into_event().unwrap();
    assert_eq!(event.origin().org, "coralogix");
    assert_eq!(event.origin().stream.as_deref(), Some("okta-events"));
    let published: DateTime<Utc> = "2023-05-30T14:17:58.126Z".parse().unwrap();
    assert_eq!(event.published(), published);
    assert_eq!(
        event.uuid().as_deref(),
        Some("c6ed294a-fef4-11ed-a5b1-bbb7c1de1a4b")
    );
    assert_eq!(event.document(), EXAMPLE);
    assert_eq!(event.json(), detail);
    let model = event.model().unwrap();
    let whole: serde_json::Value = serde_json::from_slice(EXAMPLE).unwrap();
    assert_eq!(serde_json::to_value(model).unwrap(), whole["detail"]);
}

#[test]
fn every_detail_type_is_accepted() {
    for detail_type in [r#""Okta Log Event""#, r#""""#, "7", "null"] {
        let document = format!(r#"{{"detail-type":{detail_type},"detail":{EVENT}}}"#);
        let event = Envelope::parse(document.into()).unwrap().into_event();
        assert_eq!(event.unwrap().uuid().as_deref(), Some("u"));
    }
}

#[test]
fn a_source_names_org_and_stream() {
    let parsed = |source: &str| {
        let partner = source.parse::<PartnerSource>().ok()?;
        assert_eq!(
            source.trim_end_matches('/'),
            partner.to_string(),
            "written as it was read"
        );
        Some((partner.org, partner.stream))
    };
    let some = |org: &str, stream: Option<&str>| Some((org.into(), stream.map(Into::into)));
    assert_eq!(
        parsed("aws.partner/okta.com/acme/audit"),
        some("acme", Some("audit"))
    );
    assert_eq!(
        parsed("aws.partner/okta.com/acme/eu/audit"),
        some("acme", Some("eu/audit"))
    );
    assert_eq!(parsed("aws.partner/okta.com/acme"), some("acme", None));
    assert_eq!(parsed("aws.partner/okta.com/acme/"), some("acme", None));
    for foreign in [
        "",
        "aws.s3",
        "aws.partner/okta.com",
        "aws.partner/okta.com/",
        "aws.partner/okta.com//audit",
        "aws.partner/okta.com.example.org/acme/audit",
        "aws.partner/auth0.com/acme/audit",
        "AWS.partner/okta.com/acme/audit",
        " aws.partner/okta.com/acme/audit",
    ] {
        assert_eq!(parsed(foreign), None, "{foreign:?}");
    }
}

#[test]
fn another_partners_event_is_refused_with_its_document() {
    let document = with_source("aws.partner/auth0.com/acme/audit");
    let envelope = Envelope::parse(document.clone()).unwrap();
    let refused = envelope.into_event().unwrap_err();
    assert_eq!(refused.bytes, document);
    let MalformedReason::Refused(reason) = refused.reason else {
        panic!("{:?}", refused.reason);
    };
    assert!(reason.contains("auth0.com"), "{reason}");
}

#[test]
fn an_envelope_without_source_gives_an_event_of_unknown_origin() {
    let document = format!(r#"{{"detail":{EVENT}}}"#);
    let event = Envelope::parse(document.into()).unwrap().into_event();
    let event = event.unwrap();
    assert_eq!((&*event.origin().org, &event.origin().stream), ("", &None));
}

#[test]
fn a_detail_that_is_no_event_is_refused_with_its_document_and_origin() {
    let document = r#"{"source":"aws.partner/okta.com/acme/audit","detail":{}}"#;
    let envelope = Envelope::parse(document.into()).unwrap();
    let refused = envelope.into_event().unwrap_err();
    assert_eq!(refused.reason, MalformedReason::NoPublished);
    assert_eq!(refused.bytes, document);
    assert_eq!(refused.origin.org, "acme");
}
