//! The limit for an entry, in whole requests.

use std::sync::Arc;

use bytes::Bytes;
use coralogix_sink::CoralogixSink;
use coralogix_sink::simulator::CoralogixSimulator;
use okta_coralogix_core::sink::EncodeError;
use okta_coralogix_core::testing::EventGenerator;
use okta_coralogix_core::{EntryText, LogEntry, LogSink};
use serde_json::Value;

use crate::entries::names;

const LIMIT: usize = 32_000;

fn sink(max_entry_bytes: Option<usize>) -> CoralogixSink {
    let mut builder = CoralogixSink::builder();
    if let Some(limit) = max_entry_bytes {
        builder = builder.max_entry_bytes(limit);
    }
    let ingress = Arc::new(CoralogixSimulator::new());
    let builder = builder.domain("EU1").api_key("k").gzip_level(0);
    builder.transport(ingress).build().unwrap()
}

/// An event of about `bytes`, bare or as the `detail` of an envelope.
fn event(bytes: usize, envelope: bool) -> String {
    let now = "2026-11-22T12:00:00Z".parse().unwrap();
    let event = EventGenerator::new(5).size(bytes).event(now).json;
    let event = String::from_utf8(event.to_vec()).unwrap();
    match envelope {
        true => format!(r#"{{"version":"0","detail-type":"SystemLog","detail":{event}}}"#),
        false => event,
    }
}

fn entry(text: &str, embedded: bool) -> LogEntry {
    let text = Bytes::copy_from_slice(text.as_bytes());
    let text = match embedded {
        true => EntryText::Embedded(text),
        false => EntryText::Escaped(text),
    };
    LogEntry::new(names(), text)
}

/// The documents in a body.
fn texts(body: &[u8]) -> Vec<Value> {
    let entries: Vec<Value> = serde_json::from_slice(body).unwrap();
    let text = |entry: Value| match &entry["text"] {
        Value::String(text) => serde_json::from_str(text).unwrap(),
        embedded => embedded.clone(),
    };
    entries.into_iter().map(text).collect()
}

#[test]
fn large_entry_is_truncated_in_every_form_without_its_neighbours() {
    for (embedded, envelope) in [(false, false), (false, true), (true, false), (true, true)] {
        let sink = sink(Some(LIMIT));
        let large = event(60_000, envelope);
        let small = event(2_000, envelope);
        let entries = [&small, &large, &small].map(|text| entry(text, embedded));
        let batch = sink.encode(&entries).unwrap();
        assert_eq!((batch.entries, batch.truncated), (3, 1));
        assert_eq!(batch.uncompressed_len, batch.body.len());
        let sent = texts(&batch.body);
        let untouched: Value = serde_json::from_str(&small).unwrap();
        assert_eq!((&sent[0], &sent[2]), (&untouched, &untouched));

        let mut expected: Value = serde_json::from_str(&large).unwrap();
        let root = if envelope {
            &mut expected["detail"]
        } else {
            &mut expected
        };
        root["debugContext"]["debugData"] = Value::Null;
        let prefix = if envelope { "detail." } else { "" };
        let flag = format!("{prefix}debugContext.debugData");
        expected["okta_coralogix"] = serde_json::json!({ "shed": [flag] });
        assert_eq!(sent[1], expected);
    }
}

#[test]
fn entry_at_the_limit_is_unchanged_and_above_it_truncated() {
    let entry = entry(&event(40_000, false), false);
    let whole = sink(None).encode(std::slice::from_ref(&entry)).unwrap();
    // The brackets of the request.
    let bytes = whole.uncompressed_len - 2;
    let at_limit = sink(Some(bytes));
    let batch = at_limit.encode(std::slice::from_ref(&entry)).unwrap();
    assert_eq!((batch.body, batch.truncated), (whole.body, 0));
    let below = sink(Some(bytes - 1));
    let batch = below.encode(&[entry]).unwrap();
    assert!(batch.uncompressed_len - 2 < bytes);
    assert_eq!(batch.truncated, 1);
}

#[test]
fn untruncatable_entry_is_too_large_and_ends_the_batch() {
    let sink = sink(Some(1_000));
    let line = entry(&"a line of a log ".repeat(100), false);
    let entries = [entry("{}", false), line.clone(), entry("{}", false)];
    let batch = sink.encode(&entries).unwrap();
    assert_eq!(batch.entries, 1);
    let whole = self::sink(None)
        .encode(std::slice::from_ref(&line))
        .unwrap();
    let bytes = whole.uncompressed_len - 2;
    let error = sink.encode(&entries[1..]).unwrap_err();
    assert_eq!(
        error,
        EncodeError::TooLarge {
            bytes,
            limit: 1_000
        }
    );
    assert_eq!(sink.encode(&entries[2..]).unwrap().entries, 1);
}

#[test]
fn entry_over_the_request_limit_may_fit_after_truncation() {
    let builder = CoralogixSink::builder().domain("EU1").api_key("k");
    let sink = builder
        .max_request_bytes(33_000)
        .max_entry_bytes(LIMIT)
        .build()
        .unwrap();
    let batch = sink
        .encode(&[entry(&event(100_000, false), false)])
        .unwrap();
    assert_eq!((batch.entries, batch.truncated), (1, 1));
}
