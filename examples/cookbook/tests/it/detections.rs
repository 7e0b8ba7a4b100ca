use std::sync::Arc;

use okta_coralogix_cookbook::detections::{RULES, with_findings};
use okta_coralogix_core::{Mapping, RawEvent, Severity};
use serde_json::{Value, json};

fn entry(event: &Value) -> (Severity, Value) {
    let event = RawEvent::parse(event.to_string().into(), Arc::default()).unwrap();
    let entry = with_findings(super::plain_mapping()).map(&event).unwrap();
    (
        entry.severity,
        serde_json::from_slice(entry.text.document()).unwrap(),
    )
}

fn event(event_type: &str, more: &Value) -> Value {
    let mut event = json!({"uuid": "1", "published": "2026-11-30T06:00:00Z", "severity": "INFO", "eventType": event_type});
    event
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    event
}

#[test]
fn each_rule_finds_its_event_and_no_other() {
    let found = [
        event("user.mfa.okta_verify.deny_push", &json!({})),
        event(
            "user.session.start",
            &json!({"outcome": {"result": "SUCCESS"}, "securityContext": {"risk": {"level": "HIGH"}}}),
        ),
        event(
            "user.account.privilege.grant",
            &json!({"securityContext": {"isProxy": true}}),
        ),
    ];
    for ((name, _), event) in RULES.iter().zip(&found) {
        let (severity, text) = entry(event);
        assert_eq!(
            (severity, &text["findings"]),
            (Severity::Critical, &json!([name]))
        );
    }
    for event in [
        event(
            "user.session.start",
            &json!({"outcome": {"result": "FAILURE"}, "securityContext": {"risk": {"level": "HIGH"}}}),
        ),
        event(
            "user.session.start",
            &json!({"outcome": {"result": "SUCCESS"}, "securityContext": null}),
        ),
        event(
            "user.account.privilege.grant",
            &json!({"securityContext": {"isProxy": "yes"}}),
        ),
    ] {
        let (severity, text) = entry(&event);
        assert_eq!(
            (severity, text.get("findings")),
            (Severity::Info, None),
            "{event}"
        );
    }
}
