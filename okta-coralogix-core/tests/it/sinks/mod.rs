//! Sinks without a pipeline.

mod ndjson;
mod sender;

use std::sync::Arc;

use bytes::Bytes;
use okta_coralogix_core::{EntryText, LogEntry, Names};

/// Entries of a service that has nothing to do with Okta.
fn entries(count: usize) -> Vec<LogEntry> {
    let names = Arc::new(Names::new("shop", "checkout"));
    let entry = |n| LogEntry::new(Arc::clone(&names), EntryText::Escaped(text(n)));
    (0..count).map(entry).collect()
}

/// The text of the n-th of [`entries`].
fn text(n: usize) -> Bytes {
    format!("{{\"order\":{n}}}").into()
}
