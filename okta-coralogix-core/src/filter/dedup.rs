//! De-duplication by `uuid`, tied to what becomes of the first copy.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use super::window::{EventId, SeenWindow};
use crate::Outcome;

/// A bounded window of event identities. Clones are handles to the same window.
///
/// An identity is *claimed* while its event is in flight and *remembered* once that is settled. A copy of a remembered
/// one is a duplicate. A copy of a claimed one *joins its holder's outcome*: the copy may be the same message, redelivered,
/// and acknowledging it before the first is settled would lose the event.
#[derive(Clone)]
pub struct SeenFilter(Arc<Mutex<State>>);

struct State {
    capacity: usize,
    remembered: HashSet<EventId>,
    /// The remembered ones, oldest first.
    order: VecDeque<EventId>,
    /// Who waits for the outcome of each claimed one.
    claimed: HashMap<EventId, Vec<oneshot::Sender<Outcome>>>,
}

/// What a claim found.
#[derive(Debug)]
pub enum Claim {
    /// The first copy: the caller now holds the claim.
    Held(Held),
    /// Settled before: a duplicate.
    Remembered,
    /// Another copy is in flight: wait for its outcome.
    InFlight(Joined),
}

impl SeenFilter {
    /// How many identities are remembered by default.
    pub const DEFAULT_CAPACITY: usize = 20_000;

    /// An empty window that remembers up to `capacity` identities.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self::restore(SeenWindow::default(), capacity)
    }

    /// A window with what was remembered before; of more than `capacity` the oldest are forgotten.
    #[must_use]
    pub fn restore(window: SeenWindow, capacity: usize) -> Self {
        let mut state = State {
            capacity,
            remembered: HashSet::new(),
            order: VecDeque::new(),
            claimed: HashMap::new(),
        };
        for id in window.0 {
            state.remember(id);
        }
        Self(Arc::new(Mutex::new(state)))
    }

    /// Claims a uuid.
    #[must_use]
    pub fn claim(&self, uuid: &str) -> Claim {
        let id = EventId::new(uuid);
        let mut state = self.state();
        if state.remembered.contains(&id) {
            return Claim::Remembered;
        }
        if let Some(waiting) = state.claimed.get_mut(&id) {
            let (tell, told) = oneshot::channel();
            if waiting.len() == waiting.capacity() {
                // Copies that were handed back meanwhile wait no more.
                waiting.retain(|tell| !tell.is_closed());
            }
            waiting.push(tell);
            return Claim::InFlight(Joined(told));
        }
        state.claimed.insert(id.clone(), Vec::new());
        drop(state);
        Claim::Held(Held {
            seen: self.clone(),
            id: Some(id),
        })
    }

    /// True if the uuid is claimed or remembered now. Claims nothing.
    #[must_use]
    pub fn knows(&self, uuid: &str) -> bool {
        let id = EventId::new(uuid);
        let state = self.state();
        state.remembered.contains(&id) || state.claimed.contains_key(&id)
    }

    /// How many identities are remembered at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.state().capacity
    }

    /// Remembers at least `capacity` identities from now on.
    pub fn grow(&self, capacity: usize) {
        let mut state = self.state();
        state.capacity = state.capacity.max(capacity);
    }

    /// What is remembered now, to be stored with the cursor.
    #[must_use]
    pub fn window(&self) -> SeenWindow {
        SeenWindow(self.state().order.iter().cloned().collect())
    }

    /// Nothing that runs under this lock panics, so that a poisoned one is still sound.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for SeenFilter {
    fn default() -> Self {
        Self::new(Self::DEFAULT_CAPACITY)
    }
}

impl State {
    fn remember(&mut self, id: EventId) {
        if self.capacity == 0 || !self.remembered.insert(id.clone()) {
            return;
        }
        self.order.push_back(id);
        if self.order.len() > self.capacity
            && let Some(oldest) = self.order.pop_front()
        {
            self.remembered.remove(&oldest);
        }
    }

    /// Ends a claim and tells those who wait for it.
    fn end(&mut self, id: EventId, outcome: Outcome) {
        let waiting = self.claimed.remove(&id).unwrap_or_default();
        if outcome == Outcome::Settled {
            self.remember(id);
        }
        for tell in waiting {
            // Whoever waited may be gone; then nobody needs to know.
            tell.send(outcome).ok();
        }
    }
}

/// A held claim. Dropped, it is given back, and copies that joined it are handed back with it.
pub struct Held {
    seen: SeenFilter,
    id: Option<EventId>,
}

impl Held {
    /// The event is settled: its identity is remembered, and copies that joined are settled too.
    pub fn remember(mut self) {
        self.end(Outcome::Settled);
    }

    fn end(&mut self, outcome: Outcome) {
        if let Some(id) = self.id.take() {
            self.seen.state().end(id, outcome);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.end(Outcome::HandedBack);
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Held").field(&self.id).finish()
    }
}

/// Resolves to the outcome of the copy that holds the claim.
#[derive(Debug)]
pub struct Joined(oneshot::Receiver<Outcome>);

impl Future for Joined {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        Pin::new(&mut self.0)
            .poll(context)
            .map(|told| told.unwrap_or(Outcome::HandedBack))
    }
}

impl fmt::Debug for SeenFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("SeenFilter")
            .field("capacity", &state.capacity)
            .field("remembered", &state.order.len())
            .field("claimed", &state.claimed.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(seen: &SeenFilter, id: &str) -> Held {
        match seen.claim(id) {
            Claim::Held(held) => held,
            other => panic!("{other:?}"),
        }
    }

    fn joined(seen: &SeenFilter, id: &str) -> Joined {
        match seen.claim(id) {
            Claim::InFlight(joined) => joined,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_copy_shares_the_outcome_of_the_one_in_flight() {
        let seen = SeenFilter::new(10);
        let first = held(&seen, "a");
        let copy = joined(&seen, "a");
        drop(first);
        assert_eq!(copy.await, Outcome::HandedBack);
        let second = held(&seen, "a");
        let copy = joined(&seen, "a");
        second.remember();
        assert_eq!(copy.await, Outcome::Settled);
        assert!(matches!(seen.claim("a"), Claim::Remembered));
    }

    #[test]
    fn a_window_that_grows_forgets_later() {
        let seen = SeenFilter::new(1);
        seen.grow(2);
        seen.grow(1);
        assert_eq!(seen.capacity(), 2);
        for id in ["a", "b"] {
            held(&seen, id).remember();
        }
        let claim = held(&seen, "c");
        assert!(["a", "b", "c"].iter().all(|id| seen.knows(id)));
        drop(claim);
        assert!(!seen.knows("c"));
    }

    #[test]
    fn the_window_forgets_the_oldest_and_survives_a_restart() {
        let seen = SeenFilter::new(2);
        for id in ["a", "b", "c"] {
            held(&seen, id).remember();
        }
        let seen = SeenFilter::restore(seen.window(), 2);
        assert!(matches!(seen.claim("b"), Claim::Remembered));
        assert!(matches!(seen.claim("c"), Claim::Remembered));
        drop(held(&seen, "a"));
    }
}
