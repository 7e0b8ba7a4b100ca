//! Encoding: which of the waiting items the next request carries, and its body.

use std::collections::VecDeque;

use super::{Batch, EncodeError, LogSink};
use crate::{Error, ErrorKind, LogEntry, Result};

/// An entry to be sent, and its state.
#[derive(Debug)]
pub(crate) struct Item<T> {
    pub(crate) entry: LogEntry,
    pub(crate) state: ItemState<T>,
}

/// How far an item has come.
#[derive(Debug)]
pub(crate) struct ItemState<T> {
    /// Attached by the caller; `None` once the item has ended.
    pub(crate) slot: Option<T>,
    /// How the sink answered the last request of this item alone, if it rejected it.
    pub(super) rejected: Option<ErrorKind>,
    /// How often in a row it did so.
    pub(super) times: u32,
    /// How often it did so in all.
    pub(super) attempts: u32,
    /// The sink may have accepted such a request, though no answer said so.
    pub(super) ambiguous: bool,
    /// Its rejection has counted in the endpoint's track record, and does not again.
    pub(super) counted: bool,
}

/// A request that was encoded, and the items in it.
#[derive(Debug)]
pub(crate) struct Request<T> {
    pub(crate) batch: Batch,
    pub(crate) items: Vec<Item<T>>,
}

/// A request, or an item that no request can carry.
pub(crate) type Encoded<T> = Result<Request<T>, (Item<T>, EncodeError)>;

impl<T> Item<T> {
    pub(crate) fn new(entry: LogEntry, slot: T) -> Self {
        let state = ItemState {
            slot: Some(slot),
            rejected: None,
            times: 0,
            attempts: 0,
            ambiguous: false,
            counted: false,
        };
        Self { entry, state }
    }

    pub(super) fn is_open(&self) -> bool {
        self.state.slot.is_some()
    }
}

impl<T> Request<T> {
    /// Takes the first items that fit one request of at most `ceiling` plain bytes; or the first one, if no request can carry it.
    ///
    /// # Errors
    /// As [`encode`].
    ///
    /// # Panics
    /// If there are no items.
    pub(crate) fn take(
        sink: &dyn LogSink,
        items: &mut VecDeque<Item<T>>,
        ceiling: usize,
    ) -> Result<Encoded<T>> {
        let most = sink.limits().entries.clamp(1, items.len());
        // A sink encodes a slice of entries.
        let parts = items.drain(..most).map(|item| (item.entry, item.state));
        let (entries, states): (Vec<_>, Vec<_>) = parts.unzip();
        let encoded = encode(sink, &entries, ceiling)?;
        let parts = entries.into_iter().zip(states);
        let mut taken: Vec<_> = parts.map(|(entry, state)| Item { entry, state }).collect();
        let count = encoded.as_ref().map_or(1, |batch| batch.entries);
        for item in taken.drain(count..).rev() {
            items.push_front(item);
        }
        Ok(match encoded {
            Ok(batch) => Ok(Self {
                batch,
                items: taken,
            }),
            Err(error) => Err((taken.remove(0), error)),
        })
    }
}

/// The body for as many of the first entries as fit it, at most `ceiling` plain bytes unless it is one entry alone.
///
/// # Errors
/// `UnexpectedResponse` if the sink takes none, or more than there are: continuing would send nothing for ever, or entries that do
/// not exist.
pub(super) fn encode(
    sink: &dyn LogSink,
    entries: &[LogEntry],
    ceiling: usize,
) -> Result<Result<Batch, EncodeError>> {
    let mut given = entries.len();
    loop {
        let batch = match sink.encode(&entries[..given]) {
            Ok(batch) => batch,
            Err(error) => return Ok(Err(error)),
        };
        if batch.entries == 0 || batch.entries > given {
            let detail = format!(
                "the sink took {} of {given} entries into a request",
                batch.entries
            );
            return Err(Error::new(ErrorKind::UnexpectedResponse, detail));
        }
        if batch.uncompressed_len <= ceiling || batch.entries == 1 {
            return Ok(Ok(batch));
        }
        let fewer = batch.entries.saturating_mul(ceiling) / batch.uncompressed_len;
        given = fewer.clamp(1, batch.entries - 1);
    }
}
