//! Events that are spelt in ways that JSON allows and Okta does not use.

use okta_coralogix_core::RawEvent;
use std::sync::Arc;

use bytes::Bytes;
use okta_coralogix_core::event::{MalformedReason, OktaSeverity};

use super::{assert_nothing_is_lost, between_good_ones, split};

fn only(event: &str) -> RawEvent {
    let page = Bytes::from(format!("[{event}]"));
    let mut items = split(&page).expect("a page");
    assert_eq!(items.len(), 1);
    items.remove(0).1.expect("an event")
}

#[test]
fn duplicate_key_takes_its_last_value() {
    let event = only(
        r#"{"uuid":"a","published":"2026-05-04T12:00:00Z","uuid":"b","published":"2026-05-04T13:00:00Z"}"#,
    );
    assert_eq!(event.uuid().unwrap(), "b");
    assert_eq!(event.published().to_rfc3339(), "2026-05-04T13:00:00+00:00");
}

#[test]
fn keys_and_values_may_be_written_in_escapes() {
    let event = only(
        r#"{"\u0075uid":"\u0061\n","publi\u0073hed":"2026-05-04T12:00:00\u005a","eventType":"\u00e9","severity":"\u0057ARN"}"#,
    );
    assert_eq!(event.uuid().unwrap(), "a\n");
    assert_eq!(event.event_type().unwrap(), "é");
    assert_eq!(event.severity(), Some(OktaSeverity::Warn));
}

#[test]
fn event_without_a_usable_uuid_is_accepted() {
    for uuid in ["null", "7", "\"\"", "{}"] {
        let event = only(&format!(
            r#"{{"published":"2026-05-04T12:00:00Z","uuid":{uuid}}}"#
        ));
        assert_eq!(event.uuid(), None);
    }
}

#[test]
fn nesting_of_ten_thousand_levels_does_not_overflow_the_stack() {
    let (open, close) = ("[".repeat(10_000), "]".repeat(10_000));
    let deep = only(&format!(
        r#"{{"published":"2026-05-04T12:00:00Z","x":{open}{close}}}"#
    ));
    assert!(deep.model().is_err());
    let objects = r#"{"a":"#.repeat(10_000);
    for odd in [
        open.clone(),
        format!(r#"{{"x":{open}}}"#),
        format!("{objects}1"),
        format!("{objects}{}", "}".repeat(9_999)),
    ] {
        assert!(matches!(
            between_good_ones(&odd),
            MalformedReason::NotJson(_)
        ));
    }
    assert_eq!(
        between_good_ones(&format!("{open}{close}")),
        MalformedReason::NotAnObject
    );
}

/// JSON sets numbers no bound, and a reader that does must not take what follows along.
#[test]
fn number_beyond_float_range_is_one_non_object_element() {
    let huge = format!("-1.5e{}", "5".repeat(400));
    let page = Bytes::from(format!(r#"[{huge}, {huge} ,"text",[1],{{"x":{huge}}}]"#));
    let items = split(&page).unwrap();
    assert_nothing_is_lost(&page, &items);
    let reasons: Vec<_> = items
        .iter()
        .map(|(_, item)| item.as_ref().unwrap_err().clone())
        .collect();
    let not_an_object = MalformedReason::NotAnObject;
    let no_time = MalformedReason::NoPublished;
    assert_eq!(
        reasons,
        [
            &not_an_object,
            &not_an_object,
            &not_an_object,
            &not_an_object,
            &no_time
        ]
        .map(Clone::clone)
    );
    let alone = RawEvent::parse(huge.into(), Arc::default()).unwrap_err();
    assert_eq!(alone.reason, not_an_object);
}

/// It is JSON, if no text, and neither this event nor those behind it are broken by it.
#[test]
fn lone_surrogate_in_a_key_breaks_no_event() {
    let event = r#"{"\ud800":1,"uuid":"u","published":"2026-05-04T12:00:00Z"}"#;
    let page = Bytes::from(format!(r#"[{event},{{}},{event}]"#));
    let items = split(&page).unwrap();
    assert_nothing_is_lost(&page, &items);
    let taken: Vec<_> = items.iter().map(|(_, item)| item.is_ok()).collect();
    assert_eq!(taken, [true, false, true]);
    let alone = RawEvent::parse(event.into(), Arc::default()).unwrap();
    assert_eq!(alone.uuid().as_deref(), Some("u"));
}
