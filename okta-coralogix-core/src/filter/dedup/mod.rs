//! Deduplication by `uuid`, tied to the outcome of the first copy.
//!
//! An identity is in one of three states:
//! - *Unknown*: [`DedupWindow::claim`] makes it claimed and gives the caller the [`ClaimGuard`].
//! - *Claimed*: its event is in flight. Further claims get a [`ClaimWaiter`] each. [`ClaimGuard::remember`] makes it remembered and
//!   tells the waiters `Settled`; a guard that is dropped otherwise makes it unknown again and tells them `HandedBack`.
//! - *Remembered*: its event is settled. Further claims are duplicates. It becomes unknown again when more identities than the capacity were
//!   remembered after it.
//!
//! What must never happen: that a copy counts as a duplicate before the first one is settled (both would be lost if that is handed
//! back), or that a claim outlives its guard (its copies would wait for ever).

mod event_id;
mod snapshot;
mod texts;
mod uuids;

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use crate::Outcome;
use crate::event::uuid::canonical_uuid;
use texts::Texts;
use uuids::{Bits, Known, Slot, Uuids};

pub(crate) use event_id::{EventId, MAX_UUID_BYTES};
pub use snapshot::DedupSnapshot;
#[cfg(feature = "fs")]
pub(crate) use snapshot::NonUuidIds;
use snapshot::StoredId;

/// A bounded window of event identities. Clones are handles to the same window.
///
/// An identity is *claimed* while its event is in flight and *remembered* once that is settled. A copy of a remembered
/// one is a duplicate. A copy of a claimed one *shares the outcome* of the first: the copy may be the same message, redelivered,
/// and acknowledging it before the first is settled would lose the event.
#[derive(Clone)]
pub struct DedupWindow(Arc<Mutex<State>>);

struct State {
    capacity: usize,
    uuids: Uuids,
    texts: Texts,
    revision: u64,
    /// Those who wait for the outcome of a claimed one.
    waiters: HashMap<EventId, Vec<oneshot::Sender<Outcome>>>,
}

/// The result of a claim.
#[derive(Debug)]
pub enum Claim {
    /// The first copy: the caller now holds the claim.
    New(ClaimGuard),
    /// Settled before: a duplicate.
    Duplicate,
    /// Another copy is in flight: the caller waits for its outcome.
    InFlight(ClaimWaiter),
}

impl DedupWindow {
    /// How many identities are remembered by default.
    pub const DEFAULT_CAPACITY: usize = 20_000;

    /// An empty window that remembers up to `capacity` identities.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self::restore(&DedupSnapshot::default(), capacity)
    }

    /// A window with what was remembered before; of more than `capacity` the oldest are forgotten.
    #[must_use]
    pub fn restore(window: &DedupSnapshot, capacity: usize) -> Self {
        let mut state = State {
            capacity,
            uuids: Uuids::new(),
            texts: Texts::default(),
            revision: 0,
            waiters: HashMap::new(),
        };
        for id in window.ids() {
            let held = match id {
                StoredId::Uuid(bits) => state.uuids.claim(bits).map(|slot| Held::Uuid(bits, slot)),
                StoredId::Text(text) => state.texts.claim(text).map(Held::Text),
            };
            // What stands twice is remembered once.
            if let Ok(held) = held {
                state.remember(&held);
            }
        }
        Self(Arc::new(Mutex::new(state)))
    }

    /// Claims a uuid. For the pipeline.
    #[doc(hidden)]
    #[must_use]
    pub fn claim(&self, uuid: &str) -> Claim {
        let bits = canonical_uuid(uuid).map(u128::to_be_bytes);
        let mut state = self.state();
        let held = match bits {
            Some(bits) => state.uuids.claim(bits).map(|slot| Held::Uuid(bits, slot)),
            None => state.texts.claim(uuid).map(Held::Text),
        };
        match held {
            Ok(held) => {
                drop(state);
                Claim::New(ClaimGuard {
                    dedup: self.clone(),
                    held: Some(held),
                })
            }
            Err(Known::Remembered) => Claim::Duplicate,
            Err(Known::Claimed) => {
                let waiting = state.waiters.entry(EventId::new(uuid)).or_default();
                let (tell, told) = oneshot::channel();
                if waiting.len() == waiting.capacity() {
                    // Copies that were handed back meanwhile wait no more.
                    waiting.retain(|tell| !tell.is_closed());
                }
                waiting.push(tell);
                Claim::InFlight(ClaimWaiter(told))
            }
        }
    }

    /// True if the uuid is claimed or remembered now. Claims nothing.
    #[must_use]
    pub fn contains(&self, uuid: &str) -> bool {
        let bits = canonical_uuid(uuid).map(u128::to_be_bytes);
        let state = self.state();
        let known = match bits {
            Some(bits) => state.uuids.find(bits),
            None => state.texts.find(uuid),
        };
        known.is_some()
    }

    /// How many identities are remembered at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.state().capacity
    }

    /// Remembers at least `capacity` identities from now on.
    #[doc(hidden)]
    pub fn grow(&self, capacity: usize) {
        let mut state = self.state();
        state.capacity = state.capacity.max(capacity);
    }

    /// Grows with each identity that is remembered: the same number, the same [`snapshot`](Self::snapshot).
    #[must_use]
    pub(crate) fn revision(&self) -> u64 {
        self.state().revision
    }

    /// The remembered identities, to be stored with the cursor.
    #[must_use]
    pub fn snapshot(&self) -> DedupSnapshot {
        let state = self.state();
        let others = state.texts.placed(state.uuids.forgotten());
        DedupSnapshot::new(state.uuids.packed(), others)
    }

    /// Nothing that runs under this lock panics, so that a poisoned one is still sound.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for DedupWindow {
    fn default() -> Self {
        Self::new(Self::DEFAULT_CAPACITY)
    }
}

impl State {
    fn remember(&mut self, held: &Held) {
        if self.capacity == 0 {
            return self.hand_back(held);
        }
        match held {
            Held::Uuid(_, slot) => self.uuids.remember(*slot),
            Held::Text(text) => {
                let next = self.uuids.forgotten() + self.uuids.len() as u64;
                self.texts.remember(text, next);
            }
        }
        self.revision += 1;
        if self.remembered() > self.capacity {
            let text = self.texts.oldest();
            match text.is_some_and(|before| before <= self.uuids.forgotten()) {
                true => self.texts.forget_oldest(),
                false => self.uuids.forget_oldest(),
            }
        }
    }

    fn hand_back(&mut self, held: &Held) {
        match held {
            Held::Uuid(_, slot) => self.uuids.hand_back(*slot),
            Held::Text(text) => self.texts.hand_back(text),
        }
    }

    fn remembered(&self) -> usize {
        self.uuids.len() + self.texts.len()
    }

    /// Ends a claim and tells its waiters.
    fn end(&mut self, held: &Held, outcome: Outcome) {
        match outcome {
            Outcome::Settled => self.remember(held),
            Outcome::HandedBack => self.hand_back(held),
        }
        if self.waiters.is_empty() {
            return;
        }
        for tell in self.waiters.remove(&held.id()).unwrap_or_default() {
            // The waiter may be gone.
            tell.send(outcome).ok();
        }
    }
}

/// A claimed identity.
#[derive(Debug)]
enum Held {
    Uuid(Bits, Slot),
    Text(Arc<str>),
}

impl Held {
    fn id(&self) -> EventId {
        match self {
            Self::Uuid(bits, _) => EventId::Uuid(u128::from_be_bytes(*bits)),
            Self::Text(text) => EventId::Text((**text).into()),
        }
    }
}

/// A claim that is held. If it is dropped, the identity can be claimed again, and the waiting copies are handed back.
pub struct ClaimGuard {
    dedup: DedupWindow,
    held: Option<Held>,
}

impl ClaimGuard {
    /// The event is settled: its identity is remembered, and the waiting copies are settled too.
    pub fn remember(mut self) {
        self.end(Outcome::Settled);
    }

    fn end(&mut self, outcome: Outcome) {
        if let Some(held) = self.held.take() {
            self.dedup.state().end(&held, outcome);
        }
    }
}

impl Drop for ClaimGuard {
    fn drop(&mut self) {
        self.end(Outcome::HandedBack);
    }
}

impl fmt::Debug for ClaimGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.held.as_ref().map(Held::id);
        f.debug_tuple("ClaimGuard").field(&id).finish()
    }
}

/// Resolves to the outcome of the copy that holds the claim.
#[derive(Debug)]
pub struct ClaimWaiter(oneshot::Receiver<Outcome>);

impl Future for ClaimWaiter {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        Pin::new(&mut self.0)
            .poll(context)
            .map(|told| told.unwrap_or(Outcome::HandedBack))
    }
}

impl fmt::Debug for DedupWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("DedupWindow")
            .field("capacity", &state.capacity)
            .field("remembered", &state.remembered())
            .field("claimed", &(state.uuids.claimed() + state.texts.claimed()))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(dedup: &DedupWindow, id: &str) -> ClaimGuard {
        match dedup.claim(id) {
            Claim::New(held) => held,
            other => panic!("{other:?}"),
        }
    }

    fn joined(dedup: &DedupWindow, id: &str) -> ClaimWaiter {
        match dedup.claim(id) {
            Claim::InFlight(joined) => joined,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn duplicate_shares_the_outcome_of_the_event_in_flight() {
        let dedup = DedupWindow::new(10);
        let first = held(&dedup, "a");
        let copy = joined(&dedup, "a");
        drop(first);
        assert_eq!(copy.await, Outcome::HandedBack);
        let second = held(&dedup, "a");
        let copy = joined(&dedup, "a");
        second.remember();
        assert_eq!(copy.await, Outcome::Settled);
        assert!(matches!(dedup.claim("a"), Claim::Duplicate));
    }

    #[test]
    fn dedup_window_that_grows_forgets_later() {
        let dedup = DedupWindow::new(1);
        dedup.grow(2);
        dedup.grow(1);
        assert_eq!(dedup.capacity(), 2);
        for id in ["a", "b"] {
            held(&dedup, id).remember();
        }
        let claim = held(&dedup, "c");
        assert!(["a", "b", "c"].iter().all(|id| dedup.contains(id)));
        drop(claim);
        assert!(!dedup.contains("c"));
    }

    #[test]
    fn dedup_window_forgets_the_oldest_and_survives_a_restart() {
        let dedup = DedupWindow::new(2);
        for id in ["a", "b", "c"] {
            held(&dedup, id).remember();
        }
        let dedup = DedupWindow::restore(&dedup.snapshot(), 2);
        assert!(matches!(dedup.claim("b"), Claim::Duplicate));
        assert!(matches!(dedup.claim("c"), Claim::Duplicate));
        drop(held(&dedup, "a"));
    }
}
