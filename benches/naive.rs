//! The peer: the same work as one would write it first, over `serde_json::Value`.

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use coralogix_sink::DEFAULT_MAX_BYTES;
use okta_coralogix_core::mapping::TextForm;
use serde_json::{Value, json};

use crate::now;

/// Page → tree → filter → `json!` → request bodies under the limit of the sink.
#[derive(Debug, Clone, Copy)]
pub struct Naive {
    text: TextForm,
}

impl Naive {
    /// With the event as an escaped string or embedded.
    #[must_use]
    pub fn new(text: TextForm) -> Self {
        Self { text }
    }

    /// Page → request bodies.
    ///
    /// # Panics
    /// If the page is malformed.
    #[must_use]
    pub fn bodies(&self, page: &Bytes) -> Vec<Bytes> {
        let events: Vec<Value> =
            serde_json::from_slice(page).expect("a generated page is an array");
        let entries: Vec<Value> = events
            .into_iter()
            .filter_map(|event| self.entry(event))
            .collect();
        batches(&entries)
    }

    fn entry(&self, event: Value) -> Option<Value> {
        let published = event["published"].as_str()?;
        let published = DateTime::parse_from_rfc3339(published)
            .ok()?
            .with_timezone(&Utc);
        if now() - published > TimeDelta::hours(24) {
            return None;
        }
        let severity = match event["severity"].as_str() {
            Some("DEBUG") => 1,
            Some("WARN") => 4,
            Some("ERROR") => 5,
            _ => 3,
        };
        let category = event["eventType"].clone();
        let text = match self.text {
            TextForm::Escaped => Value::String(event.to_string()),
            _ => event,
        };
        Some(json!({
            "applicationName": "okta",
            "subsystemName": "acme",
            "computerName": "acme.okta.com",
            "timestamp": published.timestamp_millis(),
            "severity": severity,
            "category": category,
            "text": text,
        }))
    }
}

/// Each entry is serialised once, and the bodies are put together from that.
fn batches(entries: &[Value]) -> Vec<Bytes> {
    let mut bodies = Vec::new();
    let mut body = vec![b'['];
    for entry in entries {
        let entry = serde_json::to_vec(entry).expect("a value always serialises");
        if body.len() > 1 {
            if body.len() + 1 + entry.len() + 1 > DEFAULT_MAX_BYTES {
                body.push(b']');
                bodies.push(Bytes::from(std::mem::replace(&mut body, vec![b'['])));
            } else {
                body.push(b',');
            }
        }
        body.extend_from_slice(&entry);
    }
    if body.len() > 1 {
        body.push(b']');
        bodies.push(Bytes::from(body));
    }
    bodies
}
