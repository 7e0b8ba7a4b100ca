//! Deduplication by `uuid`, tied to the outcome of the first copy.
//!
//! An identity is in one of three states:
//! - *Unknown*: [`DedupWindow::claim`] makes it claimed and gives the caller the [`ClaimGuard`].
//! - *Claimed*: its event is in flight. Further claims get a [`ClaimWaiter`] each. [`ClaimGuard::remember`] makes it remembered and
//!   tells the waiters `Settled`; a guard that is dropped otherwise makes it unknown again and tells them `HandedBack`.
//! - *Remembered*: its event is settled. Further claims are duplicates. It becomes unknown again when more identities than the capacity were
//!   remembered after it, or, in a window that [retains](DedupWindow::retaining), once it has been remembered for long enough.
//!
//! What must never happen: that a copy counts as a duplicate before the first one is settled (both would be lost if that is handed
//! back), or that a claim outlives its guard (its copies would wait for ever).

mod claim;
mod event_id;
pub(crate) mod retention;
mod snapshot;
mod texts;
mod uuids;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::oneshot;

use crate::event::uuid::canonical_uuid;
use crate::{Clock, Outcome};
use retention::{RetainedTimes, Retention};
use texts::Texts;
use uuids::{Known, Uuids};

use claim::Held;
pub use claim::{Claim, ClaimGuard, ClaimWaiter};
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
    /// Set: identities are forgotten by time, too.
    retention: Option<Retention>,
    /// Those who wait for the outcome of a claimed one.
    waiters: HashMap<EventId, Vec<oneshot::Sender<Outcome>>>,
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
            retention: None,
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

    /// A window for several pipelines that may be given the same events, long after one another: it remembers an identity for `retention`,
    /// and up to `capacity` of them, at least one. So it knows from when on nothing was forgotten ([`covers`](Self::covers)).
    ///
    /// An identity takes 16 bytes, and 5 to 12 more in the table by which it is found: 1,000,000 take up to 32 MB. A window that has
    /// grown keeps that memory.
    #[must_use]
    pub fn retaining(retention: Duration, capacity: usize, clock: Arc<dyn Clock>) -> Self {
        let (empty, times) = (DedupSnapshot::default(), RetainedTimes::default());
        Self::restore_retaining(&empty, &times, retention, capacity, clock)
    }

    /// As [`retaining`](Self::retaining), with what was remembered before, and when.
    pub(crate) fn restore_retaining(
        window: &DedupSnapshot,
        times: &RetainedTimes,
        keep: Duration,
        capacity: usize,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let restored = Self::restore(window, capacity.max(1));
        let mut state = restored.state();
        let mut retention = Retention::new(clock, keep, times);
        retention.forgotten_before(state.first());
        state.retention = Some(retention);
        drop(state);
        restored
    }

    /// True if an identity that was remembered when `published` lay in the past is surely still known: an event of then that is unknown was
    /// not delivered by a pipeline with this window. The clocks of the host and of who wrote `published` have to agree.
    ///
    /// A window that does not [retain](Self::retaining) knows no times: it covers all until it has forgotten anything.
    #[must_use]
    pub fn covers(&self, published: DateTime<Utc>) -> bool {
        let state = self.state();
        match &state.retention {
            Some(retention) => retention.covers(published, state.first()),
            None => state.first() == 0,
        }
    }

    /// From when on nothing was forgotten, but for times between a save and a crash; `None` in a window that does not
    /// [retain](Self::retaining).
    #[must_use]
    pub fn covered_since(&self) -> Option<DateTime<Utc>> {
        let state = self.state();
        let retention = state.retention.as_ref()?;
        DateTime::from_timestamp_millis(retention.covered_since_ms(state.first()))
    }

    /// How many identities are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state().remembered()
    }

    /// True if none is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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
                Claim::New(ClaimGuard::new(self.clone(), held))
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

    /// As [`snapshot`](Self::snapshot), with the times of a window that retains, and the [`revision`](Self::revision) of both.
    pub(crate) fn snapshot_with_times(&self) -> (DedupSnapshot, RetainedTimes, u64) {
        let state = self.state();
        let others = state.texts.placed(state.uuids.forgotten());
        let snapshot = DedupSnapshot::new(state.uuids.packed(), others);
        let retention = state.retention.as_ref();
        let times = retention.map(|retention| retention.times(state.first()));
        (snapshot, times.unwrap_or_default(), state.revision)
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
        let now_ms = self.retention.as_mut().map(|retention| {
            let now_ms = retention.now_ms();
            retention.mark(now_ms, self.revision);
            now_ms
        });
        match held {
            Held::Uuid(_, slot) => self.uuids.remember(*slot),
            Held::Text(text) => {
                let next = self.uuids.forgotten() + self.uuids.len() as u64;
                self.texts.remember(text, next);
            }
        }
        self.revision += 1;
        if self.remembered() > self.capacity {
            self.forget_oldest();
        }
        if let Some(now_ms) = now_ms {
            self.forget_expired(now_ms);
        }
    }

    fn forget_oldest(&mut self) {
        let text = self.texts.oldest();
        match text.is_some_and(|before| before <= self.uuids.forgotten()) {
            true => self.texts.forget_oldest(),
            false => self.uuids.forget_oldest(),
        }
    }

    fn forget_expired(&mut self, now_ms: i64) {
        let first = self.first();
        let retention = self.retention.as_ref();
        let expired = retention.map_or(0, |retention| retention.expired(now_ms, first));
        for _ in 0..expired {
            self.forget_oldest();
        }
        let first = self.first();
        if let Some(retention) = &mut self.retention {
            retention.forgotten_before(first);
        }
    }

    /// The number of the oldest remembered identity: how many were forgotten.
    fn first(&self) -> u64 {
        self.revision - self.remembered() as u64
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
