//! Encoding: which of the waiting items the next request carries, and its body.

use std::collections::VecDeque;

use tokio::time::Instant;

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
    /// The sink may have accepted a request with it, though no answer said so.
    pub(super) ambiguous: bool,
    /// The request with it has given way to the others once, and does not again.
    pub(super) gave_way: bool,
    /// The age rule handed it back: it comes again.
    pub(super) handed_back: bool,
    /// When a request with it, and others, was sent that failed while others passed.
    pub(super) failed_at: Option<Instant>,
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
            gave_way: false,
            handed_back: false,
            failed_at: None,
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::sink::{BatchLimits, NdjsonSink};
    use crate::{EntryText, Names};

    fn items(texts: [&'static str; 5]) -> VecDeque<Item<usize>> {
        let names = Arc::new(Names::new("shop", "checkout"));
        let item = |(slot, text): (usize, &'static str)| {
            let entry = LogEntry::new(Arc::clone(&names), EntryText::Escaped(text.into()));
            Item::new(entry, slot)
        };
        texts.into_iter().enumerate().map(item).collect()
    }

    fn slots<'a>(items: impl IntoIterator<Item = &'a Item<usize>>) -> Vec<usize> {
        items
            .into_iter()
            .filter_map(|item| item.state.slot)
            .collect()
    }

    #[test]
    fn a_request_takes_the_first_items_and_leaves_the_rest_in_order() {
        let sink = NdjsonSink::stdout().with_limits(BatchLimits::new(4, 2_000_000));
        let all = |ceiling| {
            let mut items = items(["a"; 5]);
            let request = Request::take(&sink, &mut items, ceiling).unwrap().unwrap();
            (
                slots(&request.items),
                slots(&items),
                request.batch.uncompressed_len,
            )
        };
        let (taken, left, bytes) = all(usize::MAX);
        assert_eq!((taken, left), (vec![0, 1, 2, 3], vec![4]));
        let (taken, left, _) = all(bytes / 2);
        assert_eq!((taken, left), (vec![0, 1], vec![2, 3, 4]));
        let (taken, left, _) = all(1);
        assert_eq!(
            (taken, left),
            (vec![0], vec![1, 2, 3, 4]),
            "one is sent however small the ceiling"
        );
    }

    #[test]
    fn an_item_that_fits_no_request_is_taken_out_alone() {
        let sink = NdjsonSink::stdout().with_limits(BatchLimits::new(4, 200));
        let long = "x".repeat(300).leak();
        let mut items = items([long, "a", "a", "a", "a"]);
        let (item, error) = Request::take(&sink, &mut items, usize::MAX)
            .unwrap()
            .unwrap_err();
        assert_eq!(item.state.slot, Some(0));
        assert!(matches!(error, EncodeError::TooLarge { limit: 200, .. }));
        assert_eq!(slots(&items), [1, 2, 3, 4]);
    }
}
