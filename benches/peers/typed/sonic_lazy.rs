//! sonic-rs without structs: values are passed over, found and copied as they stand.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use okta_coralogix_benches::{Bodies, ENVELOPE_HOST, PAGE_HOST, now};
use okta_coralogix_core::mapping::TextForm;
use serde::Serialize;
use sonic_rs::{JsonValueTrait, LazyValue, to_array_iter, to_object_iter};

use super::{Entry, severity, young};
use crate::Peer;

/// The checked iterators. They see that the text is UTF-8 and that brackets match, and not much more: a broken escape
/// passes, and goes into the request body.
#[derive(Debug)]
pub(crate) struct SonicLazy {
    text: TextForm,
    now: DateTime<Utc>,
}

impl SonicLazy {
    pub(crate) fn new(text: TextForm) -> Self {
        Self { text, now: now() }
    }

    /// Adds the entry of `event`, which stands in `document`, unless it is too old.
    fn push(
        &self,
        bodies: &mut Bodies,
        computer_name: &'static str,
        event: &str,
        document: &LazyValue<'_>,
    ) {
        let mut fields = [None, None, None];
        for member in to_object_iter(event) {
            let (key, value) = member.expect(READS);
            let field = match &*key {
                "published" => 0,
                "severity" => 1,
                "eventType" => 2,
                _ => continue,
            };
            fields[field] = Some(value);
        }
        let [published, level, category] = fields.each_ref().map(|value| {
            let text = value.as_ref().and_then(JsonValueTrait::as_str);
            text.unwrap_or_default()
        });
        let Some(published) = young(published, self.now) else {
            return;
        };
        let head = Entry {
            application_name: "okta",
            subsystem_name: "acme",
            computer_name,
            timestamp: published.timestamp_millis(),
            severity: severity(level),
            category,
            text: (),
        };
        match self.text {
            TextForm::Escaped => write(bodies, &head.with_text(document.as_raw_str())),
            _ => write(bodies, &head.with_text(document)),
        }
    }
}

const READS: &str = "a generated document is an object";

fn write(bodies: &mut Bodies, entry: &impl Serialize) {
    bodies.push_with(|body| sonic_rs::to_writer(body, entry).expect("an entry always serialises"));
}

impl Peer for SonicLazy {
    type Input = Bytes;

    fn name(&self) -> &'static str {
        "sonic-rs, lazy"
    }

    fn input(bytes: &[u8]) -> Bytes {
        Bytes::copy_from_slice(bytes)
    }

    fn page(&mut self, page: &mut Bytes) -> Vec<Bytes> {
        let mut bodies = Bodies::default();
        for event in to_array_iter(&**page) {
            let event = event.expect("a generated page is an array");
            self.push(&mut bodies, PAGE_HOST, event.as_raw_str(), &event);
        }
        bodies.finish()
    }

    fn envelopes(&mut self, messages: &mut [Bytes]) -> Vec<Bytes> {
        let mut bodies = Bodies::default();
        for message in messages {
            let envelope: LazyValue<'_> = sonic_rs::from_slice(message).expect(READS);
            let detail = envelope.get("detail").expect("an envelope has a detail");
            self.push(&mut bodies, ENVELOPE_HOST, detail.as_raw_str(), &envelope);
        }
        bodies.finish()
    }
}
