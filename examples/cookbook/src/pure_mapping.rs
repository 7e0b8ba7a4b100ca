//! Events to the body of a request, without a runtime: for a Lambda function of your own, a browser or a worker on wasm32.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use okta_coralogix_core::event::split_whole_page;
use okta_coralogix_core::filter::AgeFilter;
use okta_coralogix_core::{Error, LogEntry, Mapping, Origin, write_json_array};

/// What became of a page.
#[derive(Debug, Default)]
pub struct Mapped {
    /// The body for `POST /logs/v1/singles`.
    pub body: Vec<u8>,
    /// Events in the body.
    pub entries: usize,
    /// Events older than 24 hours, which Coralogix would not keep under their time.
    pub too_old: usize,
    /// What is no event, or cannot be mapped. Keep it: nothing else has it.
    pub refused: Vec<Error>,
}

/// Maps a page of the System Log, a JSON array, as it is at `now`.
pub fn map_page(page: &Bytes, mapping: &impl Mapping, now: DateTime<Utc>) -> Result<Mapped, Error> {
    let age = AgeFilter::default();
    let mut mapped = Mapped::default();
    let mut entries: Vec<LogEntry> = Vec::new();
    let page = split_whole_page(page, &Arc::new(Origin::org("acme")))?;
    for item in page.elements {
        let event = match item {
            Ok(event) if age.is_too_old(event.published(), now) => {
                mapped.too_old += 1;
                continue;
            }
            Ok(event) => event,
            Err(malformed) => {
                mapped.refused.push(malformed.into());
                continue;
            }
        };
        match mapping.map(&event) {
            Ok(entry) => entries.push(entry),
            Err(error) => mapped.refused.push(error.into()),
        }
    }
    mapped.entries = entries.len();
    write_json_array(&entries, &mut mapped.body);
    Ok(mapped)
}
