//! Vector's remap language.

use std::collections::BTreeMap;

use bytes::Bytes;
use okta_coralogix_benches::{Bodies, ENVELOPE_HOST, PAGE_HOST, now};
use okta_coralogix_core::mapping::TextForm;
use vrl::compiler::runtime::{Runtime, Terminate};
use vrl::compiler::{Program, TargetValue, TimeZone};
use vrl::value::{Secrets, Value};

use crate::Peer;

/// The program, with the event at `EVENT` and the age that is too high at `OLDEST`. Its result is the entry.
///
/// The event is moved into the entry by `del(.)`, and never assigned: an assignment copies what it assigns. Splitting the
/// page and writing the body are done outside, as Vector's own codecs do it: `parse_json` in the language would make and drop
/// one tree more.
const PROGRAM: &str = r#"
published = to_unix_timestamp(parse_timestamp!(EVENT.published, "%+"), unit: "milliseconds")
if published < OLDEST { abort }
level = EVENT.severity
severity = if level == "INFO" { 3 } else if level == "WARN" { 4 } else if level == "ERROR" { 5 } else if level == "DEBUG" { 1 } else { 3 }
{
    "applicationName": "okta",
    "subsystemName": "acme",
    "computerName": "HOST",
    "timestamp": published,
    "severity": severity,
    "category": EVENT.eventType,
    "text": TEXT,
}
"#;

/// serde_json → VRL's values → the program → serde_json.
#[derive(Debug)]
pub(crate) struct Vrl {
    page: Program,
    envelope: Program,
    runtime: Runtime,
}

impl Vrl {
    pub(crate) fn new(text: TextForm) -> Self {
        Self {
            page: compiled(".", PAGE_HOST, text),
            envelope: compiled(".detail", ENVELOPE_HOST, text),
            runtime: Runtime::default(),
        }
    }
}

fn compiled(event: &str, host: &str, text: TextForm) -> Program {
    let event = event.trim_end_matches('.');
    let oldest = (now() - chrono::TimeDelta::hours(24)).timestamp_millis();
    let text = match text {
        TextForm::Escaped => "encode_json(del(.))",
        _ => "del(.)",
    };
    let program = PROGRAM
        .replace("EVENT", event)
        .replace("OLDEST", &oldest.to_string())
        .replace("HOST", host)
        .replace("TEXT", text);
    match vrl::compiler::compile(&program, &vrl::stdlib::all()) {
        Ok(compiled) => compiled.program,
        Err(errors) => panic!("{errors:?} in {program}"),
    }
}

/// Runs the program on one event; adds the entry unless the program aborted.
fn push(bodies: &mut Bodies, runtime: &mut Runtime, program: &Program, event: Value) {
    let mut target = TargetValue {
        value: event,
        metadata: Value::Object(BTreeMap::new()),
        secrets: Secrets::default(),
    };
    let entry = runtime.resolve(&mut target, program, &TimeZone::default());
    runtime.clear();
    let entry = match entry {
        Ok(entry) => entry,
        Err(Terminate::Abort(_)) => return,
        Err(error) => panic!("{error}"),
    };
    bodies.push_with(|body| {
        serde_json::to_writer(body, &entry).expect("a value always serialises");
    });
}

impl Peer for Vrl {
    type Input = Bytes;

    fn name(&self) -> &'static str {
        "VRL"
    }

    fn input(bytes: &[u8]) -> Bytes {
        Bytes::copy_from_slice(bytes)
    }

    fn page(&mut self, page: &mut Bytes) -> Vec<Bytes> {
        let events: Vec<Value> =
            serde_json::from_slice(page).expect("a generated page is an array");
        let mut bodies = Bodies::default();
        for event in events {
            push(&mut bodies, &mut self.runtime, &self.page, event);
        }
        bodies.finish()
    }

    fn envelopes(&mut self, messages: &mut [Bytes]) -> Vec<Bytes> {
        let mut bodies = Bodies::default();
        for message in messages {
            let envelope = serde_json::from_slice(message).expect("a generated envelope is JSON");
            push(&mut bodies, &mut self.runtime, &self.envelope, envelope);
        }
        bodies.finish()
    }
}
