//! Public events, where they are there.

use std::path::PathBuf;

use bytes::Bytes;
use okta_coralogix_core::{Origin, RawEvent};

use crate::PAGE_EVENTS;

/// A page of [`PAGE_EVENTS`] real events, over and over from the public corpus, and how many of them differ. They are years old.
///
/// `OKTA_CORPUS` names the folder of `events.ndjson`; by default it is where the tests look for it. `None` if it is not there: the
/// corpus is no part of this repository.
#[must_use]
pub fn corpus_page() -> Option<(Bytes, usize)> {
    let folder = std::env::var_os("OKTA_CORPUS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus"),
        PathBuf::from,
    );
    let corpus = std::fs::read_to_string(folder.join("events.ndjson")).ok()?;
    let origin = Origin::default().into();
    let is_event = |line: &&str| {
        let bytes = Bytes::copy_from_slice(line.as_bytes());
        RawEvent::parse(bytes, std::sync::Arc::clone(&origin)).is_ok()
    };
    let events: Vec<&str> = corpus.lines().filter(is_event).collect();
    let page: Vec<&str> = events.iter().copied().cycle().take(PAGE_EVENTS).collect();
    Some((Bytes::from(format!("[{}]", page.join(","))), events.len()))
}
