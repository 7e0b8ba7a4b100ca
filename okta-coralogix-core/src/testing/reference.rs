//! Reference implementation: the events as `serde_json` alone reads them, with which tests compare the scanner.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::event::head::EventHead;
use crate::event::page::{Reader, split};
use crate::event::{MalformedEvent, Origin, PageError, RawEvent, scan};

/// As [`split_page`](crate::event::split_page), by `serde_json` alone.
///
/// # Errors
/// As `split_page`.
pub fn split_page(
    page: &Bytes,
    origin: &Arc<Origin>,
) -> Result<Vec<Result<RawEvent, MalformedEvent>>, PageError> {
    split(page, origin, Reader::SerdeJson)?.unless_cut()
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

/// As [`RawEvent::parse_envelope`], by `serde_json` alone, so that it takes every spelling; `None` if there is no event in it.
pub fn parse_envelope(
    document: &Bytes,
    origin: impl FnOnce(Option<&str>) -> Option<Arc<Origin>>,
) -> Option<RawEvent> {
    let members: HashMap<String, &RawValue> = serde_json::from_slice(document).ok()?;
    let detail = members.get("detail")?.get();
    let head = EventHead::read_by_serde_json(detail.as_bytes()).ok();
    let start = detail.as_ptr() as usize - document.as_ptr() as usize;
    let source: Option<String> = members
        .get("source")
        .and_then(|source| serde_json::from_str(source.get()).ok());
    let json = start..start + detail.len();
    let origin = origin(source.as_deref())?;
    RawEvent::with_head(document.clone(), json, Ok(head?), origin).ok()
}

/// Whether the scanner reads a comma-separated list of events, the inside of a page, without help.
#[must_use]
pub fn is_scanned(list: &str) -> bool {
    scan::objects(list, |_, _| Some(())).is_ok()
}
