//! What is known of suspects that were handed back, until their source gives them again.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::rule::{FailureClass, History};
use crate::filter::EventId;

/// So many are remembered at most; then the oldest is forgotten, and is a new suspect when it comes again.
const CAPACITY: usize = 1_000;

/// The failures of suspects that were handed back. Without it a suspect whose source always needs it back early, as each invocation of a
/// function does, would begin anew each time.
#[derive(Debug, Default)]
pub(crate) struct SuspectMemory {
    known: Mutex<VecDeque<(EventId, Failures)>>,
    /// How many are known: nearly always none, which costs no lock then.
    count: AtomicUsize,
}

/// How a suspect has failed so far.
#[derive(Debug)]
pub(super) struct Failures {
    pub(super) history: History,
    /// The last one in words.
    pub(super) detail: String,
    /// The answer to a request with it was lost.
    pub(super) ambiguous: bool,
}

/// The failures of one suspect. Dropped before [`forget`](Self::forget), they are remembered.
#[derive(Debug)]
pub(super) struct SuspectRecord<'a> {
    memory: &'a SuspectMemory,
    /// `None`: it has no id to be remembered by.
    id: Option<EventId>,
    /// `None` once they are remembered.
    failures: Option<Failures>,
}

impl SuspectMemory {
    /// How an event failed when it was handed back: its class, and in words. Asks for its id only if anything is known.
    pub(crate) fn find(
        &self,
        id: impl FnOnce() -> Option<EventId>,
    ) -> Option<(FailureClass, String)> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let id = id()?;
        let known = self.known();
        let (_, failures) = known.iter().find(|(known, _)| *known == id)?;
        Some((failures.history.class, failures.detail.clone()))
    }

    /// The record of a suspect, with what is known of it; else it begins with `new`.
    pub(super) fn record(&self, id: Option<EventId>, new: Failures) -> SuspectRecord<'_> {
        let mut known = self.known();
        let place = known
            .iter()
            .position(|(known, _)| Some(known) == id.as_ref());
        let found = place.and_then(|place| known.remove(place));
        self.count.store(known.len(), Ordering::Relaxed);
        SuspectRecord {
            memory: self,
            id,
            failures: Some(found.map_or(new, |(_, failures)| failures)),
        }
    }

    fn known(&self) -> MutexGuard<'_, VecDeque<(EventId, Failures)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SuspectRecord<'_> {
    pub(super) fn failures(&mut self) -> &mut Failures {
        self.failures
            .as_mut()
            .expect("they are taken by `drop` alone")
    }

    /// The event has ended: it does not come again.
    pub(super) fn forget(mut self) {
        self.id = None;
    }
}

impl Drop for SuspectRecord<'_> {
    fn drop(&mut self) {
        let Some(remembered) = self.id.take().zip(self.failures.take()) else {
            return;
        };
        let mut known = self.memory.known();
        if known.len() >= CAPACITY {
            known.pop_front();
        }
        known.push_back(remembered);
        self.memory.count.store(known.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::super::evidence::Tally;
    use super::super::rule::Patience;
    use super::*;

    fn new() -> Failures {
        Failures {
            history: History::new(FailureClass::Refusal, 0, Tally::default()),
            detail: "a page".to_owned(),
            ambiguous: false,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn suspect_is_remembered_until_it_has_ended() {
        let memory = SuspectMemory::default();
        let id = |number: usize| EventId::new(&number.to_string());
        let is_known = |number| memory.find(|| Some(id(number))).is_some();
        let mut record = memory.record(Some(id(1)), new());
        let failures = record.failures();
        failures.history.failed(
            FailureClass::Outage,
            Patience::default(),
            1,
            Tally::default(),
        );
        failures.detail = "a 500".to_owned();
        assert!(!is_known(1));
        drop(record);
        let known = memory.find(|| Some(id(1)));
        assert_eq!(known, Some((FailureClass::Outage, "a 500".to_owned())));
        let mut record = memory.record(Some(id(1)), new());
        assert_eq!(record.failures().history.class, FailureClass::Outage);
        record.forget();
        assert!(!is_known(1));
        drop(memory.record(None, new()));
        for number in 0..=CAPACITY {
            drop(memory.record(Some(id(number)), new()));
        }
        assert!(!is_known(0) && is_known(1) && is_known(CAPACITY));
    }
}
