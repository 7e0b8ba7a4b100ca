//! The record of accepted entries and of requests.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::arrival::{Arrival, Warning};

/// A snapshot of the entries and requests that arrived so far.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    pub(super) entries: Vec<Arc<Arrival>>,
    pub(super) requests: Vec<RecordedRequest>,
}

/// One request, accepted or not.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// Entries in it; 0 where it could not be read.
    pub entries: usize,
    /// Bytes of the body after decompression.
    pub plain_bytes: usize,
    /// Bytes of the body as it came.
    pub wire_bytes: usize,
    /// A fingerprint of the body as it came: the same bytes have the same one.
    pub wire_hash: u64,
    /// The status answered; `None` where the connection was broken instead.
    pub status: Option<u16>,
    /// True if the ingress accepted its entries.
    pub accepted: bool,
    /// True if an entry, or the whole body, was not as documented.
    pub bad_shape: bool,
    /// True if it was an array without an entry: the sink's `check`, never a delivery.
    pub empty: bool,
    /// True if its key was missing or wrong.
    pub wrong_key: bool,
}

impl Ledger {
    /// The accepted entries, in order of arrival.
    #[must_use]
    pub fn entries(&self) -> &[Arc<Arrival>] {
        &self.entries
    }

    /// The requests, in order of arrival.
    #[must_use]
    pub fn requests(&self) -> &[RecordedRequest] {
        &self.requests
    }

    /// Arrivals of each id.
    #[must_use]
    pub fn count_by_id(&self) -> HashMap<&str, usize> {
        let mut counts = HashMap::new();
        for id in self.ids() {
            *counts.entry(id).or_default() += 1;
        }
        counts
    }

    /// Ids that arrived, each time they did, in order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter_map(|entry| entry.id.as_deref())
    }

    /// Arrivals beyond the first of each id.
    #[must_use]
    pub fn repeats(&self) -> usize {
        let mut seen = HashSet::new();
        self.ids().filter(|id| !seen.insert(*id)).count()
    }

    /// Those of `expected` that never arrived, in their order.
    #[must_use]
    pub fn missing<'a>(&self, expected: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
        let arrived: HashSet<&str> = self.ids().collect();
        let expected = expected.into_iter();
        expected.filter(|id| !arrived.contains(id)).collect()
    }

    /// The number of ids whose first arrival came after an id that `expected` has behind them. Other ids do not count.
    #[must_use]
    pub fn out_of_order<'a>(&self, expected: impl IntoIterator<Item = &'a str>) -> usize {
        let places: HashMap<&str, usize> = expected.into_iter().zip(0..).collect();
        let (mut seen, mut furthest, mut late) = (HashSet::new(), 0, 0);
        for place in self.ids().filter_map(|id| places.get(id).copied()) {
            if seen.insert(place) {
                late += usize::from(place < furthest);
                furthest = furthest.max(place);
            }
        }
        late
    }

    /// Requests with a wrong key, or none.
    #[must_use]
    pub fn wrong_keys(&self) -> usize {
        self.requests.iter().filter(|r| r.wrong_key).count()
    }

    /// Entries in whose text no id was found.
    #[must_use]
    pub fn without_id(&self) -> usize {
        self.entries.iter().filter(|e| e.id.is_none()).count()
    }

    /// Entries older than the limit that the simulator was given.
    #[must_use]
    pub fn too_old(&self) -> usize {
        self.entries_with(Warning::TooOld)
    }

    /// Entries larger than the limit that the simulator was given.
    #[must_use]
    pub fn too_big(&self) -> usize {
        self.entries_with(Warning::TooBig)
    }

    /// Requests that were not as documented.
    #[must_use]
    pub fn bad_shape(&self) -> usize {
        self.requests.iter().filter(|r| r.bad_shape).count()
    }

    /// Requests without any entry.
    #[must_use]
    pub fn empty_requests(&self) -> usize {
        self.requests.iter().filter(|r| r.empty).count()
    }

    /// Requests that were answered with this status.
    #[must_use]
    pub fn answered(&self, status: u16) -> usize {
        let status = Some(status);
        self.requests.iter().filter(|r| r.status == status).count()
    }

    fn entries_with(&self, warning: Warning) -> usize {
        let entries = self.entries.iter();
        entries.filter(|e| e.warnings.contains(&warning)).count()
    }
}
