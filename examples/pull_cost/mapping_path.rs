//! The mapping path alone, without program, sockets and pipeline: page, events, entries, bodies, gzip.

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use coralogix_sink::CoralogixSink;
use okta_coralogix_core::event::split_page;
use okta_coralogix_core::filter::{AgeFilter, EventFilter};
use okta_coralogix_core::{Clock, CoralogixMapping, LogSink, Mapping, Origin, SystemClock};

use super::process::Usage;

/// Measured several times: the kernel counts hundredths of a second, and other programs share the processor.
const ROUNDS: usize = 5;

/// CPU seconds for these pages: the median of the rounds.
///
/// # Errors
/// If a page cannot be split, mapped or encoded.
pub(super) fn seconds(pages: &[Bytes]) -> Result<f64, Box<dyn Error>> {
    let rounds: Result<Vec<f64>, _> = (0..ROUNDS).map(|_| round(pages)).collect();
    let mut rounds = rounds?;
    rounds.sort_by(f64::total_cmp);
    Ok(rounds[ROUNDS / 2])
}

fn round(pages: &[Bytes]) -> Result<f64, Box<dyn Error>> {
    let origin = Arc::new(Origin::org("127.0.0.1"));
    let age = AgeFilter::default();
    let mapping = CoralogixMapping::builder().subsystem("acme").build()?;
    let sink = CoralogixSink::builder()
        .domain("EU2")
        .api_key("none")
        .build()?;
    let before = Usage::of("self")?;
    for page in pages {
        let now = SystemClock.now();
        let mut entries = Vec::new();
        for event in split_page(page, &origin)? {
            let event = event.map_err(|malformed| malformed.reason)?;
            if age.check(&event, now).is_none() {
                entries.push(mapping.map(&event)?);
            }
        }
        let mut rest = &entries[..];
        while !rest.is_empty() {
            let batch = sink.compress(sink.encode(rest)?);
            rest = &rest[batch.entries..];
            black_box(batch);
        }
    }
    Ok(Usage::of("self")?.cpu() - before.cpu())
}
