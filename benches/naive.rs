//! The peer: the same work as one would write it first, over `serde_json::Value`.

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use okta_coralogix_core::mapping::TextForm;
use serde_json::{Value, json};

use crate::{Bodies, ENVELOPE_HOST, PAGE_HOST, now};

/// Page → tree → filter → `json!` → request bodies under the limit of the sink.
#[derive(Debug, Clone, Copy)]
pub struct Naive {
    text: TextForm,
    now: DateTime<Utc>,
}

impl Naive {
    /// With the event as an escaped string or embedded.
    #[must_use]
    pub fn new(text: TextForm) -> Self {
        Self { text, now: now() }
    }

    /// Page → request bodies.
    ///
    /// # Panics
    /// If the page is malformed.
    #[must_use]
    pub fn bodies(&self, page: &[u8]) -> Vec<Bytes> {
        let events: Vec<Value> =
            serde_json::from_slice(page).expect("a generated page is an array");
        let entries: Vec<Value> = events
            .into_iter()
            .filter_map(|event| {
                let head = Head::of(&event, self.now)?;
                Some(self.entry(PAGE_HOST, &head, event))
            })
            .collect();
        framed(&entries)
    }

    /// EventBridge envelopes, one a message → request bodies. The whole envelope is the text.
    ///
    /// # Panics
    /// If one is malformed.
    #[must_use]
    pub fn envelopes(&self, messages: &[Bytes]) -> Vec<Bytes> {
        let entries: Vec<Value> = messages
            .iter()
            .filter_map(|message| {
                let envelope: Value =
                    serde_json::from_slice(message).expect("a generated envelope is JSON");
                let head = Head::of(&envelope["detail"], self.now)?;
                Some(self.entry(ENVELOPE_HOST, &head, envelope))
            })
            .collect();
        framed(&entries)
    }

    fn entry(&self, host: &str, head: &Head, document: Value) -> Value {
        let text = match self.text {
            TextForm::Escaped => Value::String(document.to_string()),
            _ => document,
        };
        json!({
            "applicationName": "okta",
            "subsystemName": "acme",
            "computerName": host,
            "timestamp": head.published.timestamp_millis(),
            "severity": head.severity,
            "category": head.category,
            "text": text,
        })
    }
}

/// What an entry says about its event.
struct Head {
    published: DateTime<Utc>,
    severity: u8,
    category: Value,
}

impl Head {
    /// `None` if the event is too old.
    fn of(event: &Value, now: DateTime<Utc>) -> Option<Self> {
        let published = event["published"].as_str()?;
        let published = DateTime::parse_from_rfc3339(published)
            .ok()?
            .with_timezone(&Utc);
        if now - published > TimeDelta::hours(24) {
            return None;
        }
        let severity = match event["severity"].as_str() {
            Some("DEBUG") => 1,
            Some("WARN") => 4,
            Some("ERROR") => 5,
            _ => 3,
        };
        Some(Self {
            published,
            severity,
            category: event["eventType"].clone(),
        })
    }
}

/// Each entry is serialised once, and the bodies are put together from that.
fn framed(entries: &[Value]) -> Vec<Bytes> {
    let mut bodies = Bodies::default();
    for entry in entries {
        bodies.push(&serde_json::to_vec(entry).expect("a value always serialises"));
    }
    bodies.finish()
}
