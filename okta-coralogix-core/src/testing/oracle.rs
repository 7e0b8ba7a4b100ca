//! What `serde_json` alone makes of an event or a page: what the scanner is held to.

use std::sync::Arc;

use bytes::Bytes;

use crate::event::page::{Reader, split};
use crate::event::{EventHead, MalformedEvent, Origin, RawEvent, UnreadablePage, scan};

/// As [`split_page`](crate::event::split_page), by `serde_json` alone.
///
/// # Errors
/// As `split_page`.
pub fn split_page(
    page: &Bytes,
    origin: &Arc<Origin>,
) -> Result<Vec<Result<RawEvent, MalformedEvent>>, UnreadablePage> {
    split(page, origin, false, Reader::SerdeJson)
}

/// As [`RawEvent::parse`], by `serde_json` alone.
///
/// # Errors
/// As `RawEvent::parse`.
pub fn parse(json: Bytes, origin: Arc<Origin>) -> Result<RawEvent, MalformedEvent> {
    let head = EventHead::read_by_serde_json(&json);
    let whole = 0..json.len();
    RawEvent::with_head(json, whole, head, origin)
}

/// Whether the scanner reads a comma-separated list of events, the inside of a page, without help.
#[must_use]
pub fn is_scanned(list: &str) -> bool {
    scan::objects(list, |_, _| Some(())).is_some()
}
