//! Bodies are counted to the byte and hold exactly the entries.

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use chrono::DateTime;
use coralogix_sink::CoralogixSink;
use coralogix_sink::simulator::CoralogixSimulator;
use flate2::read::GzDecoder;
use okta_coralogix_core::sink::{Batch, EncodeError};
use okta_coralogix_core::{EntryText, LogEntry, LogSink, Names, Severity};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

fn sink(max_bytes: usize, max_entries: usize, gzip: u32) -> CoralogixSink {
    CoralogixSink::builder()
        .domain("EU1")
        .api_key("k")
        .max_request_bytes(max_bytes)
        .max_request_entries(max_entries)
        .gzip_level(gzip)
        .transport(Arc::new(CoralogixSimulator::new()))
        .build()
        .unwrap()
}

fn plain(batch: &Batch, gzip: u32) -> Vec<u8> {
    if gzip == 0 {
        return batch.body.to_vec();
    }
    let mut plain = Vec::new();
    GzDecoder::new(&batch.body[..])
        .read_to_end(&mut plain)
        .unwrap();
    plain
}

/// Text as it may come: Okta's JSON, unicode, every control character, nothing at all.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[\u{0}-\u{20}\"\\\\/é😀\u{2028}]{0,80}",
        any::<String>().prop_map(|s| serde_json::json!({"uuid": s, "n": [1, null]}).to_string()),
    ]
}

fn entry() -> impl Strategy<Value = LogEntry> {
    let name = "\\PC*[a-z]";
    let metadata = proptest::option::of(any::<String>());
    let time = proptest::option::of((-1_000_000_000_i64..4_000_000_000, 0..1_000_000_000_u32));
    (name, name, metadata, time, any::<bool>(), text()).prop_map(
        |(application, subsystem, metadata, time, embedded, text)| {
            let metadata = metadata.as_deref().map(Into::into);
            let mut names = Names::new(application.as_str(), subsystem.as_str());
            names.computer = metadata.clone();
            let text = if embedded {
                EntryText::Embedded(serde_json::to_vec(&text).unwrap().into())
            } else {
                EntryText::Escaped(Bytes::from(text))
            };
            let mut entry = LogEntry::new(Arc::new(names), text);
            entry.timestamp = time.and_then(|(s, n)| DateTime::from_timestamp(s, n));
            entry.severity = Severity::Warn;
            entry.category = metadata.clone();
            entry.class_name = metadata.clone();
            entry.method_name = metadata.clone();
            entry.thread_id = metadata;
            entry
        },
    )
}

fn assert_same(sent: &Value, entry: &LogEntry) {
    assert_eq!(sent["applicationName"], *entry.names.application.plain());
    assert_eq!(sent["subsystemName"], *entry.names.subsystem.plain());
    assert_eq!(sent["severity"], 4);
    let optional = [
        ("computerName", &entry.names.computer),
        ("category", &entry.category),
        ("className", &entry.class_name),
        ("methodName", &entry.method_name),
        ("threadId", &entry.thread_id),
    ];
    for (field, value) in optional {
        let sent = sent
            .get(field)
            .map(|sent| sent.as_str().unwrap().to_owned());
        assert_eq!(
            sent,
            value.as_ref().map(|v| v.plain().into_owned()),
            "{field}"
        );
    }
    assert_eq!(sent.get("timestamp").is_some(), entry.timestamp.is_some());
    let text = match &entry.text {
        EntryText::Escaped(text) => String::from_utf8(text.to_vec()).unwrap(),
        EntryText::Embedded(text) => serde_json::from_slice(text).unwrap(),
        _ => unreachable!(),
    };
    assert_eq!(sent["text"], *text);
}

proptest! {
    #[test]
    fn request_body_has_the_stated_length_and_exactly_its_entries(
        entries in vec(entry(), 1..12),
        gzip in 0..=9_u32,
    ) {
        let sink = sink(2_000_000, 3_000, gzip);
        let batch = sink.compress(sink.encode(&entries).unwrap());
        let plain = plain(&batch, gzip);
        prop_assert_eq!(batch.uncompressed_len, plain.len());
        prop_assert_eq!(batch.entries, entries.len());
        let sent: Vec<Value> = serde_json::from_slice(&plain).unwrap();
        prop_assert_eq!(sent.len(), entries.len());
        for (sent, entry) in sent.iter().zip(&entries) {
            assert_same(sent, entry);
        }
    }

    #[test]
    fn request_body_is_as_full_as_the_limit_allows(
        entries in vec(entry(), 1..20),
        max_bytes in 100..4_000_usize,
        max_entries in 1..8_usize,
    ) {
        let sink = sink(max_bytes, max_entries, 0);
        let unlimited = self::sink(2_000_000, 3_000, 0);
        let mut rest = &entries[..];
        while !rest.is_empty() {
            let taken = match sink.encode(rest) {
                Ok(batch) => {
                    prop_assert!(batch.uncompressed_len <= max_bytes && batch.entries <= max_entries);
                    prop_assert!(batch.entries > 0);
                    let exact = unlimited.encode(&rest[..batch.entries]).unwrap();
                    prop_assert_eq!(&batch.body, &exact.body);
                    if batch.entries < max_entries.min(rest.len()) {
                        let more = unlimited.encode(&rest[..=batch.entries]).unwrap();
                        prop_assert!(more.uncompressed_len > max_bytes);
                    }
                    batch.entries
                }
                Err(EncodeError::TooLarge { bytes, limit }) => {
                    let alone = unlimited.encode(&rest[..1]).unwrap();
                    prop_assert_eq!((bytes, limit), (alone.uncompressed_len, max_bytes));
                    prop_assert!(bytes > limit);
                    1
                }
                Err(other) => panic!("{other}"),
            };
            rest = &rest[taken..];
        }
    }
}

#[test]
fn oversized_entry_does_not_corrupt_the_next_request_body() {
    let sink = sink(400, 3_000, 0);
    let mut entries = crate::entries::events(0..3);
    entries[1].text = EntryText::Escaped(Bytes::from("x".repeat(1_000)));
    assert_eq!(sink.encode(&entries).unwrap().entries, 1);
    assert!(matches!(
        sink.encode(&entries[1..]),
        Err(EncodeError::TooLarge { .. })
    ));
    let last = sink.encode(&entries[2..]).unwrap();
    let parsed: Vec<Value> = serde_json::from_slice(&last.body).unwrap();
    assert_eq!(parsed.len(), 1);
}
