//! The parser of bodies: no byte is lost, an event is the one that serde_json finds, and a body of several is parsed as each of them
//! alone.

#![no_main]

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use eventbridge_source::{BodyParser, PartnerSource};
use libfuzzer_sys::fuzz_target;
use okta_coralogix_core::{MalformedEvent, RawEvent};
use serde_json::value::RawValue;

type Items = Vec<Result<RawEvent, MalformedEvent>>;

fuzz_target!(|data: &[u8]| {
    let body = Bytes::copy_from_slice(data);
    let items = read(&body);
    assert!(!items.is_empty(), "a body gives an item");
    assert!(items.len() <= BodyParser::MAX_ITEMS + 1);
    for item in &items {
        is_what_it_says(item);
    }
    let Ok(text) = std::str::from_utf8(&body) else {
        // Its element only is broken, or what stands between elements.
        assert!(items.iter().any(Result::is_err));
        return;
    };
    // Some bytes are the whole body, and a part of it is refused behind the most items: three times at most.
    let kept: usize = items.iter().map(|item| bytes(item).len()).sum();
    assert!(kept <= 3 * body.len(), "{kept} bytes of {}", body.len());
    // The message of an SNS notification is escaped, and what is around records is left out.
    let unwrapped = [
        "\\",
        "Notification",
        "\"Records\"",
        "\"records\"",
        "\"data\"",
    ];
    if !unwrapped.iter().any(|mark| text.contains(mark)) {
        nothing_but_punctuation_vanishes(&body, &items);
    }
    if let Ok(envelope) = serde_json::from_str(text) {
        as_a_plain_reading_finds(&envelope, &body, &items);
    }
    if let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(text) {
        as_each_alone(&elements, &items);
    }
});

fn read(body: &Bytes) -> Items {
    BodyParser::default().parse(body.clone())
}

fn bytes(item: &Result<RawEvent, MalformedEvent>) -> &Bytes {
    match item {
        Ok(event) => event.document(),
        Err(malformed) => &malformed.bytes,
    }
}

/// A document is one JSON value, and the event in it can be parsed alone.
fn is_what_it_says(item: &Result<RawEvent, MalformedEvent>) {
    let Ok(event) = item else {
        return;
    };
    let document = std::str::from_utf8(event.document()).expect("JSON is text");
    serde_json::from_str::<&RawValue>(document).expect("a document is JSON");
    let alone = RawEvent::parse(event.json(), Arc::clone(event.origin())).expect("an event");
    assert_eq!(
        (
            alone.uuid(),
            alone.published(),
            alone.event_type_json(),
            alone.severity()
        ),
        (
            event.uuid(),
            event.published(),
            event.event_type_json(),
            event.severity()
        ),
    );
}

fn nothing_but_punctuation_vanishes(body: &Bytes, items: &Items) {
    let origin = body.as_ptr() as usize;
    let is_punctuation = |byte: &u8| b"[], \n\t\r".contains(byte);
    // A byte order mark is no part of an item.
    let mut at = if body.starts_with(b"\xef\xbb\xbf") {
        3
    } else {
        0
    };
    for item in items {
        let bytes = bytes(item);
        // If something is missing at the end, the item has the whole body.
        match (bytes.as_ptr() as usize).checked_sub(origin + at) {
            Some(gap) if !bytes.is_empty() => {
                assert!(
                    body[at..at + gap].iter().all(is_punctuation),
                    "lost behind {at}"
                );
                at += gap + bytes.len();
            }
            _ => {}
        }
    }
    assert!(body[at..].iter().all(is_punctuation), "lost behind {at}");
}

/// One envelope is one item: its `detail`, if its source is Okta's.
fn as_a_plain_reading_finds(envelope: &BTreeMap<String, &RawValue>, body: &Bytes, items: &Items) {
    let Some(detail) = envelope
        .get("detail")
        .filter(|detail| detail.get().starts_with('{'))
    else {
        return;
    };
    let [item] = &items[..] else {
        panic!("one envelope is {items:?}");
    };
    assert_eq!(bytes(item), body);
    let source = envelope
        .get("source")
        .map(|source| serde_json::from_str::<String>(source.get()));
    let org = match source {
        Some(Ok(source)) => match source.parse::<PartnerSource>() {
            Ok(partner) => partner.org,
            Err(_) => return assert!(item.is_err(), "{source} is not Okta's"),
        },
        // Absent, or of a type that says nothing.
        _ => String::new(),
    };
    let detail = Bytes::copy_from_slice(detail.get().as_bytes());
    match (item, RawEvent::parse(detail.clone(), Arc::default())) {
        (Ok(event), Ok(_)) => {
            assert_eq!(event.json(), detail);
            assert_eq!(event.origin().org, org);
        }
        (Err(malformed), Err(alone)) => assert_eq!(malformed.reason, alone.reason),
        (item, alone) => panic!("{item:?} has {alone:?} in it"),
    }
}

/// An array of objects, and the objects one after the other, give the same items as each object alone.
fn as_each_alone(elements: &[&RawValue], items: &Items) {
    let all_objects = elements
        .iter()
        .all(|element| element.get().starts_with('{'));
    if !all_objects || elements.is_empty() || items.len() > 100 {
        return;
    }
    let texts: Vec<&str> = elements.iter().map(|element| element.get()).collect();
    let alone: Vec<_> = texts
        .iter()
        .flat_map(|text| read(&Bytes::copy_from_slice(text.as_bytes())))
        .collect();
    let in_a_row = read(&Bytes::from(texts.join("\n")));
    for items in [items, &in_a_row] {
        assert_eq!(items.len(), alone.len());
        for (item, alone) in items.iter().zip(&alone) {
            assert_eq!((item.is_ok(), bytes(item)), (alone.is_ok(), bytes(alone)));
        }
    }
}
