//! Ten thousand bodies of generated events, parsed back into their entries.

use std::io::Read;
use std::sync::Arc;

use coralogix_sink::CoralogixSink;
use coralogix_sink::simulator::CoralogixSimulator;
use flate2::read::GzDecoder;
use okta_coralogix_core::mapping::TextForm;
use okta_coralogix_core::testing::{EventGenerator, GeneratedEvent, Script};
use okta_coralogix_core::{CoralogixMapping, LogEntry, LogSink, Mapping, Origin, RawEvent};
use serde::Deserialize;
use serde_json::value::RawValue;

const BATCHES: usize = 10_000;

/// The fields that the mapping fills, and no other.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Sent<'a> {
    application_name: String,
    subsystem_name: String,
    computer_name: String,
    timestamp: i64,
    severity: u8,
    category: String,
    #[serde(borrow)]
    text: &'a RawValue,
}

fn sink(gzip_level: u32, max_bytes: usize) -> CoralogixSink {
    CoralogixSink::builder()
        .domain("EU1")
        .api_key("k")
        .gzip_level(gzip_level)
        .max_request_bytes(max_bytes)
        .transport(Arc::new(CoralogixSimulator::new()))
        .build()
        .unwrap()
}

fn mapping(text: TextForm) -> CoralogixMapping {
    let mapping = CoralogixMapping::builder().application("Ökta \"prod\"\\");
    mapping.subsystem("日本\u{1}").text(text).build().unwrap()
}

fn assert_holds(body: &[u8], events: &[GeneratedEvent], text: TextForm) {
    let sent: Vec<Sent<'_>> = serde_json::from_slice(body).unwrap();
    assert_eq!(sent.len(), events.len());
    for (sent, event) in sent.iter().zip(events) {
        assert_eq!(sent.application_name, "Ökta \"prod\"\\");
        assert_eq!(sent.subsystem_name, "日本\u{1}");
        assert_eq!(sent.computer_name, "acme.okta.com");
        assert_eq!(sent.timestamp, event.published.timestamp_millis());
        assert!((1..=6).contains(&sent.severity));
        let json = std::str::from_utf8(&event.json).unwrap();
        assert!(json.contains(&sent.category));
        if text == TextForm::Embedded {
            assert_eq!(sent.text.get(), json);
        } else {
            let unescaped: String = serde_json::from_str(sent.text.get()).unwrap();
            assert_eq!(unescaped, json);
        }
    }
}

#[test]
fn ten_thousand_bodies_have_the_computed_length_and_their_entries() {
    let now = "2026-11-22T12:00:00Z".parse().unwrap();
    let origin = Arc::new(Origin::org("acme.okta.com"));
    let forms = [TextForm::Escaped, TextForm::Embedded];
    let mappings = forms.map(mapping);
    let sinks = [0, 1].map(|level| sink(level, 20_000));
    let scripts = [Script::Mixed, Script::Unicode, Script::Ascii];
    let mut generators = scripts.map(|script| EventGenerator::new(11).script(script).size(900));
    let (mut bytes, mut bodies, mut entries_sent) = (0, 0, 0);
    while bodies < BATCHES {
        let events = generators[bodies % 3].batch(1 + bodies % 7, now);
        let form = bodies / 3 % 2;
        let entries: Vec<LogEntry> = events
            .iter()
            .map(|event| RawEvent::parse(event.json.clone(), Arc::clone(&origin)).unwrap())
            .map(|event| mappings[form].map(&event).unwrap())
            .collect();
        let level = bodies / 6 % 2;
        let batch = sinks[level].compress(sinks[level].encode(&entries).unwrap());
        let mut plain = Vec::new();
        if level == 0 {
            plain.extend_from_slice(&batch.body);
        } else {
            let mut gzip = GzDecoder::new(&batch.body[..]);
            gzip.read_to_end(&mut plain).unwrap();
        }
        assert_eq!(plain.len(), batch.uncompressed_len);
        assert!(plain.len() <= 20_000);
        assert_holds(&plain, &events[..batch.entries], forms[form]);
        bodies += 1;
        bytes += plain.len();
        entries_sent += batch.entries;
    }
    println!("{bodies} bodies with {entries_sent} entries in {bytes} bytes, every one exact");
}
