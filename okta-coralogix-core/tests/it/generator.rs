//! The event generator: what it makes is realistic, and the same for the same seed.

use okta_coralogix_core::Origin;
use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use okta_coralogix_core::event::split_page;
use okta_coralogix_core::testing::{EventGenerator, GeneratedEvent, Script, page_of};
use serde_json::Value;

fn now() -> DateTime<Utc> {
    "2026-05-04T12:00:00Z".parse().expect("a time")
}

fn batch(seed: u64) -> Vec<GeneratedEvent> {
    EventGenerator::new(seed).batch(2_000, now())
}

#[test]
fn seed_determines_the_generated_bytes() {
    assert_eq!(batch(1), batch(1));
    assert_ne!(batch(1), batch(2));
}

#[test]
fn generated_page_splits_into_its_events() {
    let events = batch(3);
    let page = page_of(&events);
    let split = split_page(&page, &Arc::new(Origin::org("example.okta.com"))).unwrap();
    assert_eq!(split.len(), events.len());
    for (split, made) in split.into_iter().zip(&events) {
        let split = split.unwrap();
        assert_eq!(split.json(), made.json);
        assert_eq!(split.published(), made.published);
        assert_eq!(split.uuid().as_deref(), Some(made.uuid.as_str()));
        assert!(split.event_type().is_some() && split.severity().is_some());
    }
}

#[test]
fn uuids_are_canonical_and_never_repeat() {
    let mut seen = HashSet::new();
    let mut versions = HashSet::new();
    for event in batch(4) {
        let shape: String = event
            .uuid
            .chars()
            .map(|c| if c == '-' { '-' } else { 'x' })
            .collect();
        assert_eq!(shape, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
        assert!(!event.uuid.contains(|c: char| c.is_ascii_uppercase()));
        versions.insert(event.uuid.as_bytes()[14]);
        assert!(b"89ab".contains(&event.uuid.as_bytes()[19]));
        assert!(seen.insert(event.uuid));
    }
    assert_eq!(versions, HashSet::from([b'1', b'4']));
}

#[test]
fn generated_event_takes_two_kilobytes_on_average() {
    let events = batch(5);
    let mean = events.iter().map(|event| event.json.len()).sum::<usize>() / events.len();
    assert!((1_800..2_400).contains(&mean), "{mean}");
}

#[test]
fn generated_event_size_can_be_set() {
    for size in [512, 2_048, 8_192, 65_536] {
        for script in [Script::Mixed, Script::Ascii, Script::Unicode] {
            let mut generator = EventGenerator::new(6).size(size).script(script);
            let total: usize = (0..50).map(|_| generator.event(now()).json.len()).sum();
            let mean = total / 50;
            assert!(
                (size * 4 / 5..size * 6 / 5).contains(&mean),
                "{size} {script:?} gave {mean}"
            );
        }
    }
}

#[test]
fn generated_event_script_can_be_set() {
    let beyond_ascii = |script| {
        let events = EventGenerator::new(7).script(script).batch(200, now());
        let bytes = events.iter().flat_map(|event| event.json.iter());
        bytes.filter(|byte| !byte.is_ascii()).count() / 200
    };
    assert_eq!(beyond_ascii(Script::Ascii), 0);
    assert!(beyond_ascii(Script::Mixed) > 10);
    assert!(beyond_ascii(Script::Unicode) > 60);
}

#[test]
fn generated_old_late_and_future_events_match_the_set_rates() {
    let share = |events: &[GeneratedEvent], wanted: fn(TimeDelta) -> bool| {
        let count = events
            .iter()
            .filter(|event| wanted(now() - event.published))
            .count();
        count as f64 / events.len() as f64
    };
    let generator = || EventGenerator::new(8).old(0.0).late(0.0).future(0.0);
    let plain = generator().batch(1_000, now());
    assert!(plain.is_sorted_by_key(|event| event.published));
    assert_eq!(share(&plain, |age| age > TimeDelta::hours(1)), 0.0);

    let old = generator().old(0.3).batch(1_000, now());
    let rate = share(&old, |age| age > TimeDelta::hours(24));
    assert!((0.25..0.35).contains(&rate), "{rate}");

    let future = generator().future(0.3).batch(1_000, now());
    let rate = share(&future, |age| age < TimeDelta::zero());
    assert!((0.25..0.35).contains(&rate), "{rate}");

    let late = generator().late(1.0).batch(1_000, now());
    assert!(!late.is_sorted_by_key(|event| event.published));
    assert_eq!(share(&late, |age| age > TimeDelta::hours(24)), 0.0);
}

#[test]
fn generated_events_vary_as_real_ones_do() {
    let events: Vec<Value> = batch(9)
        .iter()
        .map(|event| serde_json::from_slice(&event.json).unwrap())
        .collect();
    let some = |pointer: &str, wanted: fn(Option<&Value>) -> bool| {
        assert!(
            events.iter().any(|event| wanted(event.pointer(pointer))),
            "{pointer}"
        );
    };
    some("/client/zone", |zone| zone == Some(&Value::from("null")));
    some("/client", |client| client == Some(&Value::Null));
    some("/device", |device| device.is_none());
    some("/device", |device| device == Some(&Value::Null));
    some("/device/os_platform", |platform| platform.is_some());
    some("/target", |target| target == Some(&Value::Null));
    some("/target/4", |target| target.is_some());
    some("/target/5", |target| target.is_none());
    some("/debugContext/debugData/attribute40", |data| data.is_some());
    some("/systemEnvelope/schemaRevision", |unknown| {
        unknown.is_some()
    });
    for severity in ["DEBUG", "INFO", "WARN", "ERROR"] {
        assert!(events.iter().any(|event| event["severity"] == severity));
    }
    assert!(batch(9).iter().any(|event| {
        let text = String::from_utf8_lossy(&event.json);
        text.contains("\\u") && text.contains("\\\"")
    }));
}

#[test]
fn rare_event_shapes_occur_only_when_requested() {
    type Shape = (&'static str, fn(&Value) -> bool);
    let events = EventGenerator::new(10).rare(0.2).batch(2_000, now());
    let page = page_of(&events);
    let split = split_page(&page, &Arc::new(Origin::org("example.okta.com"))).unwrap();
    for (split, made) in split.into_iter().zip(&events) {
        assert_eq!(split.unwrap().published(), made.published);
    }
    let shapes: [Shape; 13] = [
        ("target is empty", |e| {
            e["target"] == Value::Array(Vec::new())
        }),
        ("detailEntry is an object", |e| {
            e["target"][0]["detailEntry"].is_object()
        }),
        ("changeDetails", |e| {
            e["target"][0]["changeDetails"]["from"].is_object()
        }),
        ("securityContext is null", |e| {
            e.get("securityContext") == Some(&Value::Null)
        }),
        ("securityContext is all null", |e| {
            let context = e["securityContext"].as_object();
            context.is_some_and(|c| !c.is_empty() && c.values().all(Value::is_null))
        }),
        ("no debugContext", |e| e.get("debugContext").is_none()),
        ("no severity", |e| e.get("severity").is_none()),
        ("no target", |e| e.get("target").is_none()),
        ("no transaction", |e| e.get("transaction").is_none()),
        ("device in camel case", |e| {
            e["device"]["deviceIntegrator"].is_string()
        }),
        ("no decimals", |e| {
            e["published"].as_str().is_some_and(|t| t.len() == 20)
        }),
        ("micros", |e| {
            e["published"].as_str().is_some_and(|t| t.len() == 27)
        }),
        ("nanos", |e| {
            e["published"].as_str().is_some_and(|t| t.len() == 30)
        }),
    ];
    let values = |events: &[GeneratedEvent]| -> Vec<Value> {
        let read = |event: &GeneratedEvent| serde_json::from_slice(&event.json).unwrap();
        events.iter().map(read).collect()
    };
    let (rare, usual) = (values(&events), values(&batch(10)));
    for (name, is_so) in shapes {
        assert!(rare.iter().any(is_so), "{name}");
        assert!(!usual.iter().any(is_so), "{name}");
    }
}
