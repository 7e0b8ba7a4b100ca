//! Runs the programs of the cookbook.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod axum_service;
mod detections;
mod document;
mod folder_source;
mod mapping;
mod pure_mapping;
mod sqlite_sink;
mod two_targets;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use okta_coralogix_core::testing::{EventGenerator, GeneratedEvent};
use okta_coralogix_core::{Clock, CoralogixMapping, SystemClock};

fn now() -> DateTime<Utc> {
    SystemClock.now()
}

fn events(count: usize) -> Vec<GeneratedEvent> {
    EventGenerator::new(7).old(0.0).batch(count, now())
}

fn json(events: &[GeneratedEvent]) -> Vec<Bytes> {
    events.iter().map(|event| event.json.clone()).collect()
}

fn plain_mapping() -> CoralogixMapping {
    let builder = CoralogixMapping::builder().application("okta");
    builder.subsystem("acme").build().unwrap()
}
