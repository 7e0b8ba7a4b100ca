//! The mapping as its users see it.

use std::sync::Arc;

use bytes::Bytes;
use okta_coralogix_core::event::OktaSeverity;
use okta_coralogix_core::mapping::{
    CoralogixMappingBuilder, FieldPath, MappingError, Redaction, TextForm, map_with,
};
use okta_coralogix_core::{
    CoralogixMapping, EntryText, LogEntry, Mapping, Origin, RawEvent, Secret, Severity,
};

const EVENT: &str = r#"{"uuid":"1","published":"2026-11-22T10:00:00.123Z","eventType":"user.session.start","severity":"WARN","n": 1.50,"actor":{"alternateId":"a@b.c","id":"00u1"},"n":2}"#;

fn event() -> RawEvent {
    RawEvent::parse(
        Bytes::from_static(EVENT.as_bytes()),
        Arc::new(Origin::org("acme")),
    )
    .unwrap()
}

fn text(entry: &LogEntry) -> &[u8] {
    match &entry.text {
        EntryText::Escaped(text) | EntryText::Embedded(text) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn mapping_defaults_match_the_documentation_and_keep_the_event() {
    let entry = CoralogixMapping::builder()
        .build()
        .unwrap()
        .map(&event())
        .unwrap();
    assert_eq!(entry.names.application.plain(), "okta");
    assert_eq!(entry.names.subsystem.plain(), "acme");
    assert_eq!(entry.names.computer.as_ref().unwrap().plain(), "acme");
    assert_eq!(
        entry.timestamp.unwrap().timestamp_millis(),
        1_795_341_600_123
    );
    assert_eq!(entry.severity, Severity::Warn);
    assert_eq!(
        entry.category.as_ref().unwrap().plain(),
        "user.session.start"
    );
    assert!(matches!(entry.text, EntryText::Escaped(_)));
    assert_eq!(text(&entry), EVENT.as_bytes());
}

#[test]
fn severities_follow_the_table_and_an_unknown_one_is_info() {
    let mapping = CoralogixMapping::builder().build().unwrap();
    for (okta, coralogix) in [
        ("DEBUG", 1),
        ("INFO", 3),
        ("WARN", 4),
        ("ERROR", 5),
        ("FATAL", 3),
    ] {
        let json = EVENT.replace("WARN", okta);
        let event = RawEvent::parse(json.into(), Arc::default()).unwrap();
        assert_eq!(
            mapping.map(&event).unwrap().severity.code(),
            coralogix,
            "{okta}"
        );
    }
    let absent = EVENT.replace(r#""severity":"WARN","#, "");
    let event = RawEvent::parse(absent.into(), Arc::default()).unwrap();
    assert_eq!(mapping.map(&event).unwrap().severity, Severity::Info);
}

#[test]
fn severities_become_what_was_configured() {
    let mapping = CoralogixMapping::builder()
        .severity(OktaSeverity::Warn, Severity::Critical)
        .severity(None, Severity::Verbose)
        .build()
        .unwrap();
    for (okta, coralogix) in [
        ("INFO", Severity::Info),
        ("WARN", Severity::Critical),
        ("FATAL", Severity::Verbose),
    ] {
        let json = EVENT.replace("WARN", okta);
        let event = RawEvent::parse(json.into(), Arc::default()).unwrap();
        assert_eq!(mapping.map(&event).unwrap().severity, coralogix, "{okta}");
    }
}

#[test]
fn names_come_from_a_field_or_its_fallback() {
    let mapping = CoralogixMapping::builder()
        .application_from("$.actor.alternateId", "nobody")
        .subsystem_from("$.actor.displayName", "nobody")
        .text(TextForm::Embedded)
        .build()
        .unwrap();
    let entry = mapping.map(&event()).unwrap();
    assert_eq!(entry.names.application.plain(), "a@b.c");
    assert_eq!(entry.names.subsystem.plain(), "nobody");
    assert!(matches!(entry.text, EntryText::Embedded(_)));
}

#[test]
fn names_come_from_the_first_pattern_that_matches_the_event_type() {
    let mapping = |patterns: [(&str, &str); 3]| {
        let builder = CoralogixMapping::builder().subsystem_by_event_type(patterns, "other");
        builder.application_by_event_type([("user.session.start", "sign-in")], "okta")
    };
    let entry = |mapping: CoralogixMappingBuilder| mapping.build().unwrap().map(&event()).unwrap();
    let named = entry(mapping([
        ("app.*", "apps"),
        ("user.*", "users"),
        ("user.session.*", "sessions"),
    ]));
    assert_eq!(named.names.subsystem.plain(), "users");
    assert_eq!(named.names.application.plain(), "sign-in");
    let other = mapping([("app.*", "apps"), ("user", "users"), ("*", "all")]);
    assert_eq!(entry(other).names.subsystem.plain(), "all");

    let redaction = Redaction::new().drop_field("$.eventType").unwrap();
    let hidden =
        entry(mapping([("user.*", "users"), ("a", "b"), ("*", "all")]).redaction(redaction));
    assert_eq!(
        hidden.names.subsystem.plain(),
        "other",
        "the type would show in the name"
    );

    for (pattern, name) in [("*.start", "x"), ("", "x"), ("user.*", " ")] {
        let error = CoralogixMapping::builder()
            .subsystem_by_event_type([(pattern, name)], "other")
            .build()
            .unwrap_err();
        assert!(error.to_string().starts_with("subsystem: "), "{error}");
    }
}

#[test]
fn entry_carries_the_uuid_unless_it_is_redacted() {
    let entry = CoralogixMapping::builder()
        .build()
        .unwrap()
        .map(&event())
        .unwrap();
    assert_eq!(entry.event_uuid.as_ref().unwrap().plain(), "1");
    let mut sent = Vec::new();
    entry.write_json(&mut sent);
    assert!(
        !String::from_utf8(sent).unwrap().contains("event_uuid"),
        "it is for sinks, not for Coralogix"
    );
    let redaction = Redaction::new().drop_field("$.uuid").unwrap();
    let redacted = CoralogixMapping::builder()
        .redaction(redaction)
        .build()
        .unwrap();
    assert_eq!(redacted.map(&event()).unwrap().event_uuid, None);
}

#[test]
fn labels_are_added_behind_the_event_and_never_in_its_place() {
    let builder = CoralogixMapping::builder()
        .label("tenant", "a\"b")
        .label("uuid", "x");
    let entry = builder.clone().build().unwrap().map(&event()).unwrap();
    let rest = text(&entry)
        .strip_prefix(&EVENT.as_bytes()[..EVENT.len() - 1])
        .unwrap();
    assert_eq!(rest, br#","tenant":"a\"b"}"#);
    for key in ["", "tenant"] {
        let error = builder.clone().label(key, "again").build().unwrap_err();
        assert!(error.to_string().starts_with("label: "), "{error}");
    }
}

#[test]
fn closures_map_and_adjust_entries() {
    let mapping = CoralogixMapping::builder()
        .build()
        .unwrap()
        .adjusted(|event, mut entry| {
            entry.set_member("length", &event.json().len())?;
            entry.severity = Severity::Critical;
            Arc::make_mut(&mut entry.names).subsystem = "changed".into();
            Ok(entry)
        });
    let entry = mapping.map(&event()).unwrap();
    assert_eq!(entry.severity, Severity::Critical);
    let length = format!(r#","length":{}}}"#, EVENT.len());
    assert!(text(&entry).ends_with(length.as_bytes()));
    let origin = Origin::org("acme");
    assert_eq!(mapping.names(&origin, Some(&event())), Some(entry.names));
    assert_eq!(
        mapping.names(&origin, None).unwrap().subsystem.plain(),
        "acme"
    );

    let refusing =
        map_with(|event| Err(MappingError::new(format!("{} bytes", event.json().len()))));
    assert_eq!(
        refusing.map(&event()).unwrap_err().to_string(),
        format!("{} bytes", EVENT.len())
    );
    assert_eq!(refusing.names(&origin, Some(&event())), None);
}

#[test]
fn names_that_cannot_be_sent_are_a_configuration_error() {
    for name in ["", " \t"] {
        let error = CoralogixMapping::builder()
            .subsystem(name)
            .build()
            .unwrap_err();
        assert!(error.to_string().contains("subsystem"), "{error}");
    }
    let error = CoralogixMapping::builder()
        .application_from("actor", "x")
        .build()
        .unwrap_err();
    assert!(error.to_string().contains("$.actor.alternateId"), "{error}");
    assert!("$.a[0]".parse::<FieldPath>().is_err());
}

#[test]
fn redaction_reaches_the_text_the_names_and_the_category() {
    let redaction = Redaction::new()
        .drop_field("$.eventType")
        .and_then(|r| r.hash_field("$.actor.alternateId", Secret::from("salt")))
        .unwrap();
    let mapping = CoralogixMapping::builder()
        .subsystem_from("$.actor.alternateId", "nobody")
        .redaction(redaction)
        .build()
        .unwrap();
    let entry = mapping.map(&event()).unwrap();
    let shown = format!("{entry:?}");
    assert!(
        !shown.contains("a@b.c") && !shown.contains("user.session.start"),
        "{shown}"
    );
    assert!(entry.names.subsystem.plain().starts_with("sha256:"));
    assert!(text(&entry).starts_with(
        br#"{"uuid":"1","published":"2026-11-22T10:00:00.123Z","severity":"WARN","n":1.50"#
    ));
}

#[test]
fn envelope_is_sent_whole_or_as_bare_event() {
    let envelope =
        format!(r#"{{"source":"aws.partner/okta.com/acme/s","detail":{EVENT},"resources":[]}}"#);
    let start = envelope.find(EVENT).unwrap();
    let document = Bytes::from(envelope.clone());
    let event =
        RawEvent::parse_within(document, start..start + EVENT.len(), Arc::default()).unwrap();
    let whole = CoralogixMapping::builder()
        .build()
        .unwrap()
        .map(&event)
        .unwrap();
    assert_eq!(text(&whole), envelope.as_bytes());
    assert_eq!(whole.category.unwrap().plain(), "user.session.start");
    let bare = CoralogixMapping::builder()
        .bare_event(true)
        .build()
        .unwrap();
    assert_eq!(text(&bare.map(&event).unwrap()), EVENT.as_bytes());
    let redaction = Redaction::new().drop_field("$.actor").unwrap();
    let redacting = CoralogixMapping::builder()
        .redaction(redaction)
        .build()
        .unwrap()
        .map(&event)
        .unwrap();
    let redacted = String::from_utf8(text(&redacting).to_vec()).unwrap();
    assert!(
        redacted.starts_with(r#"{"source":"aws.partner/okta.com/acme/s","detail":{"uuid":"1""#),
        "{redacted}"
    );
    assert!(
        redacted.ends_with(r#","n":2},"resources":[]}"#) && !redacted.contains("actor"),
        "{redacted}"
    );
}

#[test]
fn redaction_covers_every_event_of_an_envelope() {
    let person = r#"{"actor":"PERSON"}"#;
    let envelope = format!(
        r#"{{"detail":{person},"d\u0065tail":{person},"detail":{EVENT},"other":{{"actor":1}}}}"#
    );
    let start = envelope.find(EVENT).unwrap();
    let event = RawEvent::parse_within(envelope.into(), start..start + EVENT.len(), Arc::default())
        .unwrap();
    let redaction = Redaction::new().drop_field("$.actor").unwrap();
    let mapping = CoralogixMapping::builder().redaction(redaction).build();
    let entry = mapping.unwrap().map(&event).unwrap();
    let redacted = String::from_utf8(text(&entry).to_vec()).unwrap();
    assert!(
        redacted.starts_with(r#"{"detail":{},"d\u0065tail":{},"detail":{"uuid":"1""#),
        "{redacted}"
    );
    assert!(
        redacted.ends_with(r#","other":{"actor":1}}"#),
        "only below the event's key: {redacted}"
    );
}

#[test]
fn origin_can_set_application_and_subsystem_names() {
    let mut origin = Origin::org("acme");
    origin.application = Some("prod".into());
    origin.subsystem = Some(" ".into());
    let event = RawEvent::parse(Bytes::from_static(EVENT.as_bytes()), Arc::new(origin)).unwrap();
    let entry = CoralogixMapping::builder()
        .subsystem("account")
        .build()
        .unwrap()
        .map(&event)
        .unwrap();
    assert_eq!(entry.names.application.plain(), "prod");
    assert_eq!(
        entry.names.subsystem.plain(),
        "account",
        "white space is no name"
    );
}

#[test]
fn subsystem_defaults_to_the_log_stream_and_then_the_org() {
    let subsystem = |org: &str, stream: Option<&str>| {
        let mut origin = Origin::org(org);
        origin.stream = stream.map(Into::into);
        let event = RawEvent::parse(EVENT.into(), Arc::new(origin)).unwrap();
        let mapping = CoralogixMapping::builder().build().unwrap();
        let entry = mapping.map(&event).unwrap();
        entry.names.subsystem.plain().into_owned()
    };
    assert_eq!(subsystem("acme", Some("audit")), "audit");
    assert_eq!(subsystem("acme", Some(" ")), "acme");
    assert_eq!(subsystem("acme", None), "acme");
    assert_eq!(subsystem("", None), "okta");
}
