//! Structs for everything, read and written by serde.

mod library;
mod maybe;
mod model;
mod sonic_lazy;

use std::fmt::Debug;
use std::marker::PhantomData;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use okta_coralogix_benches::{Bodies, ENVELOPE_HOST, PAGE_HOST, now};
use okta_coralogix_core::mapping::TextForm;
use serde::Serialize;

pub(crate) use library::{Library, SerdeJson, SimdJson, SonicRs};
use model::{Envelope, Event};
pub(crate) use sonic_lazy::SonicLazy;

use crate::Peer;

/// The log entry. Its text is an event, or one as a string; `()` while it is not there yet.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a, T> {
    application_name: &'static str,
    subsystem_name: &'static str,
    computer_name: &'static str,
    timestamp: i64,
    severity: u8,
    category: &'a str,
    text: T,
}

impl<'a> Entry<'a, ()> {
    fn with_text<T>(&self, text: T) -> Entry<'a, T> {
        Entry {
            application_name: self.application_name,
            subsystem_name: self.subsystem_name,
            computer_name: self.computer_name,
            timestamp: self.timestamp,
            severity: self.severity,
            category: self.category,
            text,
        }
    }
}

/// Bytes → structs → bytes, with one library for both ways.
#[derive(Debug)]
pub(crate) struct Typed<L> {
    text: TextForm,
    now: DateTime<Utc>,
    library: PhantomData<L>,
}

impl<L: Library> Typed<L> {
    pub(crate) fn new(text: TextForm) -> Self {
        Self {
            text,
            now: now(),
            library: PhantomData,
        }
    }

    /// Adds the entry of `event`, which stands in `document`, unless it is too old.
    fn push<D: Serialize>(
        &self,
        bodies: &mut Bodies,
        computer_name: &'static str,
        event: &Event,
        document: &D,
    ) {
        let Some(published) = young(&event.published, self.now) else {
            return;
        };
        let head = Entry {
            application_name: "okta",
            subsystem_name: "acme",
            computer_name,
            timestamp: published.timestamp_millis(),
            severity: severity(&event.severity),
            category: &event.event_type,
            text: (),
        };
        match self.text {
            TextForm::Escaped => {
                let entry = head.with_text(L::to_string(document));
                bodies.push_with(|body| L::write(body, &entry));
            }
            _ => {
                let entry = head.with_text(document);
                bodies.push_with(|body| L::write(body, &entry));
            }
        }
    }
}

impl<L: Library> Peer for Typed<L> {
    type Input = Vec<u8>;

    fn name(&self) -> &'static str {
        L::NAME
    }

    fn input(bytes: &[u8]) -> Vec<u8> {
        bytes.to_vec()
    }

    fn page(&mut self, page: &mut Vec<u8>) -> Vec<Bytes> {
        let events: Vec<Event> = L::read(page);
        let mut bodies = Bodies::default();
        for event in &events {
            self.push(&mut bodies, PAGE_HOST, event, event);
        }
        bodies.finish()
    }

    fn envelopes(&mut self, messages: &mut [Vec<u8>]) -> Vec<Bytes> {
        let mut bodies = Bodies::default();
        for message in messages {
            let envelope: Envelope = L::read(message);
            self.push(&mut bodies, ENVELOPE_HOST, &envelope.detail, &envelope);
        }
        bodies.finish()
    }
}

/// The time, if it is at most 24 hours ago.
fn young(published: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let published = DateTime::parse_from_rfc3339(published).ok()?.to_utc();
    (now - published <= TimeDelta::hours(24)).then_some(published)
}

/// The number that Coralogix has for a severity.
fn severity(severity: &str) -> u8 {
    match severity {
        "DEBUG" => 1,
        "WARN" => 4,
        "ERROR" => 5,
        _ => 3,
    }
}
