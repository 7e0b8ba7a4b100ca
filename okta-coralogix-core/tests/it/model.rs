//! The full model: it takes every event and gives back the same JSON value.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use okta_coralogix_core::event::{
    Field, LogAuthenticationProvider, LogCredentialType, LogDiskEncryptionType, LogOutcomeResult,
    LogScreenLockType, OktaSeverity,
};
use okta_coralogix_core::testing::EventGenerator;
use okta_coralogix_core::{LogEvent, RawEvent};
use proptest::prelude::*;
use serde_json::{Value, json};

fn read(value: &Value) -> LogEvent {
    let text = value.to_string();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

#[track_caller]
fn assert_round_trip(value: &Value) {
    let written = serde_json::to_string(&read(value)).expect("an event serialises");
    let back: Value = serde_json::from_str(&written).expect("it was written as JSON");
    assert_eq!(&back, value);
}

fn now() -> DateTime<Utc> {
    "2026-05-04T12:00:00Z".parse().expect("a time")
}

/// The public events beside the repository, or at `OKTA_CORPUS`.
fn corpus() -> Option<String> {
    let folder = std::env::var_os("OKTA_CORPUS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus"),
        PathBuf::from,
    );
    std::fs::read_to_string(folder.join("events.ndjson")).ok()
}

#[test]
fn corpus_of_public_events_round_trips() {
    let Some(corpus) = corpus() else {
        // Not `eprintln!`, which the test harness swallows.
        writeln!(
            std::io::stderr(),
            "SKIPPED: no corpus of public events; OKTA_CORPUS names the folder of events.ndjson"
        )
        .unwrap();
        return;
    };
    let mut count = 0;
    for line in corpus.lines() {
        let Ok(value @ Value::Object(_)) = serde_json::from_str(line) else {
            continue;
        };
        assert_round_trip(&value);
        count += 1;
    }
    assert!(count > 100, "only {count} events in the corpus");
}

#[test]
fn generated_events_round_trip() {
    for event in EventGenerator::new(1).rare(0.3).batch(500, now()) {
        let value: Value = serde_json::from_slice(&event.json).unwrap();
        assert_round_trip(&value);
        let model = read(&value);
        assert_eq!(model.published_at(), Some(event.published));
        assert_eq!(model.uuid.as_str(), Some(event.uuid.as_str()));
    }
}

#[test]
fn absent_and_null_fields_are_distinguished() {
    let event = read(&json!({"target": null, "outcome": {"reason": null}}));
    assert!(event.target.is_null() && event.targets().is_empty());
    assert!(event.actor.is_absent());
    let outcome = event.outcome.get().unwrap();
    assert!(outcome.reason.is_null() && outcome.result.is_absent());
    for value in [json!({}), json!({"target": null}), json!({"target": []})] {
        assert_round_trip(&value);
    }
}

#[test]
fn values_that_okta_has_not_documented_are_kept() {
    let value = json!({
        "severity": "NOTICE",
        "outcome": {"result": "POSTPONED"},
        "authenticationContext": {"credentialType": "PASSKEY", "authenticationProvider": "LDAP"},
    });
    assert_round_trip(&value);
    let event = read(&value);
    assert_eq!(
        (event.severity.get(), event.severity.other()),
        (None, Some(&json!("NOTICE")))
    );
    let outcome = event.outcome.get().unwrap();
    assert_eq!(
        outcome.result.get(),
        Some(&LogOutcomeResult::Other("POSTPONED".into()))
    );
    let context = event.authentication_context.get().unwrap();
    assert_eq!(
        context.authentication_provider.get(),
        Some(&LogAuthenticationProvider::Ldap)
    );
}

#[test]
fn enum_value_keeps_either_spelling() {
    for (text, wanted) in [
        ("OAuth 2.0", LogCredentialType::OAuth2),
        ("OAUTH2", LogCredentialType::OAuth2Legacy),
    ] {
        assert_eq!(LogCredentialType::from(text), wanted);
        assert_eq!(wanted.to_string(), text);
    }
    for text in ["ALL_INTERNAL_VOLUMES", "ALL_INTERNAL_VALUES"] {
        let read = LogDiskEncryptionType::from(text.to_owned());
        assert!(!matches!(read, LogDiskEncryptionType::Other(_)));
        assert_eq!(read.as_str(), text);
    }
}

#[test]
fn unusual_shapes_of_real_events_round_trip() {
    for value in [
        json!({"client": {"zone": "null", "ipAddress": "null", "id": null}}),
        json!({"device": null, "outcome": null, "target": null, "client": {"geographicalContext": null}}),
        json!({"device": {"device_integrator": null, "jailbreak": null, "os_platform": "OSX"}}),
        json!({"transaction": {"detail": {}}}),
        json!({"transaction": {"detail": null}}),
        json!({"debugContext": {"debugData": {"threatSuspected": "false", "originalPrincipal": {"id": 1}}}}),
        json!({"debugContext": [{"debugData": {}}]}),
        json!({"debugContext": "none"}),
        json!({"client": {"ipChain": [{"ip": "10.0.0.1"}]}, "insertionTimestamp": null}),
        json!({"actor": {"alternateId": "unknown", "detailEntry": "text"}}),
        json!({"securityContext": {"userBehaviors": ["New Device"]}}),
        json!({"securityContext": {"userBehaviors": [{"name": "New Device", "result": "POSITIVE"}, null]}}),
        json!({"authenticationContext": {"credentialProvider": ["OKTA_CREDENTIAL_PROVIDER"], "credentialType": []}}),
        json!({"version": 0, "client": {"geographicalContext": {"postalCode": 10013}}}),
        json!({"client": {"geographicalContext": {"geolocation": {"lat": "37.7", "lon": -122.39999999999999}}}}),
        json!({"request": {"ipChain": {"ip": ["10.0.0.1"]}}}),
        json!({"request": {"ipChain": [{"ip": ["10.0.0.1"]}]}}),
        json!({"securityContext": {"asNumber": "64512", "isProxy": "false"}}),
        json!({"securityContext": "none", "target": [{"id": 1}, 2, null]}),
        json!({"actor": [], "client": 1, "eventType": {}, "published": 1_700_000_000}),
    ] {
        assert_round_trip(&value);
    }
}

#[test]
fn numbers_keep_their_value() {
    for number in [
        "64512",
        "-1",
        "1.0",
        "-0.0",
        "1e400",
        "18446744073709551615",
        "1e2",
    ] {
        let text = format!(r#"{{"securityContext":{{"asNumber":{number}}},"x":{number}}}"#);
        if let Ok(value) = serde_json::from_str(&text) {
            assert_round_trip(&value);
        }
    }
    for lat in [json!(1), json!(1.0), json!(-33.5)] {
        let value =
            json!({"client": {"geographicalContext": {"geolocation": {"lat": lat, "lon": 2}}}});
        assert_round_trip(&value);
        let event = read(&value);
        let context = event.client.get().unwrap().geographical_context.get();
        let place = context.unwrap().geolocation.get().unwrap();
        assert_eq!(place.degrees().unwrap().0, lat.as_f64().unwrap());
    }
}

#[test]
fn field_of_unexpected_type_is_accessible_as_json() {
    let event = read(&json!({"version": 0, "debugContext": [1]}));
    assert_eq!(event.version.get(), None);
    assert_eq!(event.version.text().as_deref(), Some("0"));
    assert_eq!(event.debug_context.other(), Some(&json!([1])));
    assert_eq!(event.published_at(), None);
}

#[test]
fn device_is_read_in_either_spelling_and_written_unchanged() {
    for value in [
        json!({"device": {"id": "guo1", "os_platform": "OSX", "os_version": "15.6.1", "screen_lock_type": "BIOMETRIC",
            "disk_encryption_type": "FULL", "secure_hardware_present": true, "device_integrator": "{\"a\": 1}"}}),
        json!({"device": {"id": "guo1", "platform": "OSX", "osVersion": "15.6.1", "screenLockType": "BIOMETRIC",
            "diskEncryptionType": "FULL", "secureHardwarePresent": true, "deviceIntegrator": "{\"a\": 1}"}}),
        json!({"device": {"id": "guo1", "osPlatform": "OSX", "osVersion": "15.6.1", "screenLockType": "BIOMETRIC",
            "diskEncryptionType": "FULL", "secureHardwarePresent": true, "deviceIntegrator": {"a": 1}}}),
    ] {
        assert_round_trip(&value);
        let event = read(&value);
        let device = event.device.get().unwrap();
        assert_eq!(device.os_platform.as_str(), Some("OSX"));
        assert_eq!(device.os_version.as_str(), Some("15.6.1"));
        let lock = device.screen_lock_type.get();
        assert_eq!(lock, Some(&LogScreenLockType::Biometric));
        let encryption = device.disk_encryption_type.get();
        assert_eq!(encryption, Some(&LogDiskEncryptionType::Full));
        assert_eq!(device.secure_hardware_present.get(), Some(&true));
        assert_eq!(*device.integrations().unwrap(), json!({"a": 1}));
        assert!(device.other.is_empty(), "{:?}", device.other);
    }
}

#[test]
fn device_with_both_spellings_keeps_both() {
    let value =
        json!({"device": {"os_version": "1", "osVersion": "2", "deviceIntegrator": "no JSON"}});
    assert_round_trip(&value);
    let event = read(&value);
    let device = event.device.get().unwrap();
    assert_eq!(device.os_version.as_str(), Some("1"));
    assert_eq!(device.integrations(), None);
}

#[test]
fn model_refuses_numbers_beyond_a_float_and_lone_surrogates() {
    for odd in ["1e400", r#""\ud800""#] {
        let json = format!(r#"{{"published":"2026-05-04T12:00:00Z","x":{odd}}}"#);
        let event = RawEvent::parse(json.into(), Arc::default()).unwrap();
        assert!(event.model().is_err(), "{odd}");
    }
}

#[test]
fn targets_are_found_by_type_in_any_order() {
    let event = read(&json!({"target": [
        {"id": "a", "type": "AppInstance"}, {"id": "u", "type": "User"}, {"id": "v", "type": "User"},
    ]}));
    let users: Vec<_> = event
        .targets_of_type("User")
        .filter_map(|target| target.id.as_str())
        .collect();
    assert_eq!(users, ["u", "v"]);
}

#[test]
fn addresses_are_read_where_they_are_addresses() {
    for (text, address) in [
        ("192.0.2.7", Some("192.0.2.7")),
        ("2001:db8::7", Some("2001:db8::7")),
        ("null", None),
        ("192.0.2.7:443", None),
    ] {
        let event = read(&json!({
            "client": {"ipAddress": text},
            "request": {"ipChain": [{"ip": text}]},
        }));
        let address = address.map(|address| address.parse().unwrap());
        assert_eq!(event.client.get().unwrap().ip(), address);
        let chain = event.request.get().unwrap().ip_chain.get().unwrap();
        assert_eq!(chain[0].addr(), address);
    }
}

#[test]
fn log_event_can_be_built_by_hand() {
    let mut event = LogEvent::default();
    event.event_type = "user.session.start".into();
    event.severity = OktaSeverity::Warn.into();
    event.legacy_event_type = Field::Null;
    assert_eq!(
        serde_json::to_value(&event).unwrap(),
        json!({"eventType": "user.session.start", "severity": "WARN", "legacyEventType": null})
    );
}

#[test]
fn log_event_parsing_refuses_non_objects_and_deep_nesting() {
    let deep = format!(r#"{{"x":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    for text in ["[]", "null", "1", r#""x""#, "", "{", "{\"a\":}", &deep] {
        assert!(serde_json::from_str::<LogEvent>(text).is_err());
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-zA-Z]{1,8}", inner, 0..4)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// Every place in `value`, as JSON pointers.
fn places(value: &Value, at: &str, into: &mut Vec<String>) {
    into.push(at.to_owned());
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                places(value, &format!("{at}/{key}"), into);
            }
        }
        Value::Array(elements) => {
            for (index, value) in elements.iter().enumerate() {
                places(value, &format!("{at}/{index}"), into);
            }
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn log_event_round_trips_with_any_member_replaced(seed in any::<u64>(), place in any::<prop::sample::Index>(), odd in any_json()) {
        let json = EventGenerator::new(seed).rare(0.5).event(now()).json;
        let mut value: Value = serde_json::from_slice(&json).unwrap();
        let mut all = Vec::new();
        places(&value, "", &mut all);
        let place = &all[1..][place.index(all.len() - 1)];
        *value.pointer_mut(place).unwrap() = odd;
        assert_round_trip(&value);
    }
}
