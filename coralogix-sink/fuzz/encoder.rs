//! Entries with any names and texts into request bodies: valid JSON, byte for byte what a plain rendering gives, and exactly as
//! many entries as fit.
//!
//! The input: three bytes of settings, then the strings of the entries, each ended by a byte that UTF-8 does not have.

#![no_main]

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use chrono::DateTime;
use coralogix_sink::CoralogixSink;
use flate2::read::GzDecoder;
use libfuzzer_sys::fuzz_target;
use okta_coralogix_core::sink::{Batch, EncodeError};
use okta_coralogix_core::{EntryText, JsonString, LogEntry, LogSink, Names};
use serde_json::Value;
use serde_json::value::RawValue;

/// Ends a string; never part of UTF-8.
const END: u8 = 0xFF;

/// The smallest request size that may be set.
const LEAST: usize = 1000;

thread_local! {
    /// Making a sink takes longer than an entry.
    static SINKS: RefCell<HashMap<(Limits, u32), Arc<CoralogixSink>>> = RefCell::default();
}

/// What a body may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Limits {
    entries: usize,
    bytes: usize,
    entry: Option<usize>,
}

fuzz_target!(|data: &[u8]| {
    let Some((&[entries, bytes, entry], rest)) = data.split_first_chunk() else {
        return;
    };
    let limits = Limits {
        entries: usize::from(entries % 4) + 1,
        bytes: LEAST + usize::from(bytes % 16) * 50,
        entry: (entry % 8 > 0).then_some(LEAST / 2 + usize::from(entry % 8) * 50),
    };
    let entries = entries_of(rest);
    if entries.is_empty() {
        return;
    }
    let plain = sink(&limits, 0).encode(&entries);
    let packing = sink(&limits, 1);
    match (&plain, packing.encode(&entries)) {
        (Ok(plain), Ok(packed)) => {
            let packed = packing.compress(packed);
            let mut unpacked = Vec::new();
            GzDecoder::new(&packed.body[..])
                .read_to_end(&mut unpacked)
                .expect("gzip");
            assert_eq!(
                (packed.entries, packed.uncompressed_len),
                (plain.entries, plain.uncompressed_len)
            );
            assert_eq!(plain.body, unpacked);
        }
        (Err(plain), Err(packed)) => assert_eq!(*plain, packed),
        (plain, packed) => panic!("{plain:?}, and compressed {packed:?}"),
    }
    match plain {
        Ok(batch) if limits.entry.is_some() => {
            within_the_limit_of_an_entry(&batch, &entries, &limits)
        }
        Ok(batch) => exactly_what_fits(&batch, &entries, &limits),
        Err(error) => the_first_cannot_be_sent(&error, &entries[0], &limits),
    }
});

fn sink(limits: &Limits, gzip: u32) -> Arc<CoralogixSink> {
    let made = || Arc::new(made(limits, gzip));
    SINKS.with_borrow_mut(|sinks| Arc::clone(sinks.entry((*limits, gzip)).or_insert_with(made)))
}

fn made(limits: &Limits, gzip: u32) -> CoralogixSink {
    let sink = CoralogixSink::builder()
        .endpoint("http://127.0.0.1")
        .api_key("k")
        .transport(Arc::new(Nobody))
        .max_request_entries(limits.entries)
        .max_request_bytes(limits.bytes)
        .gzip_level(gzip);
    let sink = match limits.entry {
        Some(limit) => sink.max_entry_bytes(limit),
        None => sink,
    };
    sink.build().expect("good settings")
}

fn entries_of(data: &[u8]) -> Vec<LogEntry> {
    let strings: Vec<&[u8]> = data.split(|byte| *byte == END).collect();
    strings.chunks_exact(4).map(entry_of).collect()
}

fn entry_of(strings: &[&[u8]]) -> LogEntry {
    let name = |bytes: &[u8]| JsonString::escape(&String::from_utf8_lossy(bytes));
    let optional = |bytes: &[u8]| (!bytes.is_empty()).then(|| name(bytes));
    let text = Bytes::copy_from_slice(strings[3]);
    // Embedded text must be JSON.
    let is_json = serde_json::from_slice::<&RawValue>(&text).is_ok();
    let text = match strings[2].len() % 2 == 1 && is_json {
        true => EntryText::Embedded(text),
        false => EntryText::Escaped(text),
    };
    let mut names = Names::new(name(strings[0]), name(strings[1]));
    names.computer = optional(strings[2]);
    let mut entry = LogEntry::new(Arc::new(names), text);
    entry.category = optional(strings[1]);
    let millis = strings[0].iter().fold(0, |sum: i64, byte| {
        (sum << 5).wrapping_add(i64::from(*byte))
    }) >> 12;
    entry.timestamp = DateTime::from_timestamp_millis(millis);
    entry
}

/// The entry in a plain rendering, if it can be sent.
fn rendered(entry: &LogEntry) -> Option<String> {
    let quoted = |text: &str| serde_json::to_string(text).expect("a string is JSON");
    let names = &entry.names;
    let (application, subsystem) = (names.application.plain(), names.subsystem.plain());
    let text = std::str::from_utf8(entry.text.document()).ok()?;
    if application.trim().is_empty() || subsystem.trim().is_empty() {
        return None;
    }
    let mut json = format!(
        r#"{{"applicationName":{},"subsystemName":{}"#,
        quoted(&application),
        quoted(&subsystem)
    );
    if let Some(computer) = &names.computer {
        json += &format!(r#","computerName":{}"#, quoted(&computer.plain()));
    }
    if let Some(timestamp) = entry.timestamp {
        json += &format!(r#","timestamp":{}"#, timestamp.timestamp_millis());
    }
    json += r#","severity":3"#;
    if let Some(category) = &entry.category {
        json += &format!(r#","category":{}"#, quoted(&category.plain()));
    }
    json += r#","text":"#;
    match &entry.text {
        EntryText::Escaped(_) => json += &quoted(text),
        _ => json += text,
    }
    json.push('}');
    Some(json)
}

fn exactly_what_fits(batch: &Batch, entries: &[LogEntry], limits: &Limits) {
    let taken: Vec<_> = entries[..batch.entries]
        .iter()
        .map(|entry| rendered(entry).expect("it was taken"))
        .collect();
    let body = format!("[{}]", taken.join(","));
    assert_eq!(batch.body, body);
    assert_eq!((batch.uncompressed_len, batch.truncated), (body.len(), 0));
    assert!(body.len() <= limits.bytes && taken.len() <= limits.entries);
    if entries[..batch.entries]
        .iter()
        .all(|entry| matches!(entry.text, EntryText::Escaped(_)))
    {
        let json: Vec<Value> = serde_json::from_slice(&batch.body).expect("it is JSON");
        for (json, entry) in json.iter().zip(entries) {
            assert_eq!(
                json["text"].as_str().expect("a string").as_bytes(),
                entry.text.document()
            );
        }
    }
    if let Some(next) = entries
        .get(batch.entries)
        .filter(|_| batch.entries < limits.entries)
        && let Some(next) = rendered(next)
    {
        assert!(
            body.len() + 1 + next.len() > limits.bytes,
            "one more would have fitted"
        );
    }
}

/// No entry exceeds the limit, and entries within it are not truncated.
fn within_the_limit_of_an_entry(batch: &Batch, entries: &[LogEntry], limits: &Limits) {
    let limit = limits.entry.expect("there is one");
    let json: Vec<&RawValue> = serde_json::from_slice(&batch.body).expect("it is JSON");
    assert_eq!(
        (json.len(), batch.uncompressed_len),
        (batch.entries, batch.body.len())
    );
    assert!(batch.body.len() <= limits.bytes && batch.entries <= limits.entries);
    let mut shed = 0;
    for (json, entry) in json.iter().zip(entries) {
        assert!(json.get().len() <= limit);
        let whole = rendered(entry).expect("it was taken");
        if whole.len() <= limit {
            assert_eq!(json.get(), whole);
            continue;
        }
        shed += 1;
        assert!(
            json.get().contains("okta_coralogix"),
            "it does not name the removed parts"
        );
    }
    assert_eq!(batch.truncated, shed);
}

fn the_first_cannot_be_sent(error: &EncodeError, first: &LogEntry, limits: &Limits) {
    match (error, rendered(first)) {
        (EncodeError::Invalid(_), None) => {}
        (EncodeError::TooLarge { bytes, limit }, Some(rendered)) => {
            assert!(bytes > limit);
            if limits.entry.is_none() {
                assert_eq!((*bytes, *limit), (rendered.len() + 2, limits.bytes));
            }
        }
        (error, rendered) => panic!("{error:?} for {rendered:?}"),
    }
}

/// An ingress that gets no request.
#[derive(Debug)]
struct Nobody;

mod nobody {
    use async_trait::async_trait;
    use bytes::Bytes;
    use http::{Request, Response};
    use okta_coralogix_core::transport::{Body, Transport, TransportError};

    #[async_trait]
    impl Transport for super::Nobody {
        async fn call(&self, _: Request<Bytes>) -> Result<Response<Body>, TransportError> {
            Err(TransportError::Connect("nobody is there".into()))
        }
    }
}
