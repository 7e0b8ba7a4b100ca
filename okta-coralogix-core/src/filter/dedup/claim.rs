//! Claims: the right to deliver an event, and the wait for the outcome of another one.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use super::uuids::{Bits, Slot};
use super::{DedupWindow, EventId};
use crate::Outcome;

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

/// A claimed identity.
#[derive(Debug)]
pub(super) enum Held {
    Uuid(Bits, Slot),
    Text(Arc<str>),
}

impl Held {
    pub(super) fn id(&self) -> EventId {
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
    pub(super) fn new(dedup: DedupWindow, held: Held) -> Self {
        let held = Some(held);
        Self { dedup, held }
    }

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
pub struct ClaimWaiter(pub(super) oneshot::Receiver<Outcome>);

impl Future for ClaimWaiter {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        Pin::new(&mut self.0)
            .poll(context)
            .map(|told| told.unwrap_or(Outcome::HandedBack))
    }
}
