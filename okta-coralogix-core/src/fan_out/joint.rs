//! One delivery of a source, which several pipelines settle.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_trait::async_trait;
use tokio::sync::watch;

use super::Hub;
use crate::filter::{Claim, ClaimGuard, MAX_UUID_BYTES};
use crate::{Acker, Delivery, Error, ErrorKind, MalformedEvent, Outcome, RawEvent, Result};

/// What the branches have said of a delivery.
///
/// # States
/// * *open*: some have said how it ended for them; they wait for the others;
/// * *settling*: all have, and the last one settles it in the source. An item is settled if it is for all of them;
/// * *ended*: the source has answered, which each of them is told;
/// * *handed back*: a branch has dropped it. So is the source's acker, and the others are told so.
pub(super) struct Joint {
    hub: Weak<Hub>,
    /// How often the source had gone back when it gave this.
    rewinds: u64,
    votes: Mutex<Votes>,
    ended: watch::Sender<Option<Result<()>>>,
}

struct Votes {
    /// Until it settles the delivery, or is dropped.
    acker: Option<Box<dyn Acker>>,
    /// The events, in the window of the source: those of which no other copy is in flight or settled.
    claims: Vec<Option<ClaimGuard>>,
    outcomes: Vec<Outcome>,
    missing: usize,
}

impl Joint {
    /// The same delivery for each branch.
    pub(super) fn split(
        delivery: Delivery,
        branches: usize,
        hub: &Arc<Hub>,
        rewinds: u64,
    ) -> Vec<Delivery> {
        let claim = |item: &Result<RawEvent, MalformedEvent>| {
            let uuid = item.as_ref().ok()?.uuid();
            let uuid = uuid.filter(|uuid| uuid.len() <= MAX_UUID_BYTES)?;
            match hub.window.claim(&uuid) {
                Claim::New(claim) => Some(claim),
                _ => None,
            }
        };
        let claims = delivery.items.iter().map(claim).collect();
        let joint = Arc::new(Self {
            hub: Arc::downgrade(hub),
            rewinds,
            votes: Mutex::new(Votes {
                acker: Some(delivery.acker),
                claims,
                outcomes: vec![Outcome::Settled; delivery.items.len()],
                missing: branches,
            }),
            ended: watch::Sender::new(None),
        });
        let copy = |_| {
            let acker = Vote(Some(Arc::clone(&joint)));
            let mut copy = Delivery::new(delivery.items.clone(), Box::new(acker));
            copy.deadline = delivery.deadline;
            copy.clock_offset = delivery.clock_offset;
            copy.late = delivery.late;
            copy.heals = delivery.heals;
            copy
        };
        (0..branches).map(copy).collect()
    }

    /// Adds what one branch says; the acker with the outcomes, if it was the last.
    fn add(&self, outcomes: &[Outcome]) -> Option<(Box<dyn Acker>, Vec<Outcome>)> {
        let mut votes = self.votes.lock().unwrap_or_else(PoisonError::into_inner);
        for (index, item) in votes.outcomes.iter_mut().enumerate() {
            // An item without an outcome is not settled.
            if outcomes.get(index) != Some(&Outcome::Settled) {
                *item = Outcome::HandedBack;
            }
        }
        votes.missing -= 1;
        if votes.missing > 0 {
            return None;
        }
        let acker = votes.acker.take()?;
        let outcomes = std::mem::take(&mut votes.outcomes);
        // Before the source is told: what it saves with its position has them.
        for (claim, outcome) in std::mem::take(&mut votes.claims).into_iter().zip(&outcomes) {
            if let (Some(claim), Outcome::Settled) = (claim, outcome) {
                claim.remember();
            }
        }
        Some((acker, outcomes))
    }

    fn hand_back(&self) {
        let mut votes = self.votes.lock().unwrap_or_else(PoisonError::into_inner);
        let (acker, claims) = (votes.acker.take(), std::mem::take(&mut votes.claims));
        drop(votes);
        drop((claims, acker));
        self.went_back();
        self.end(Ok(()));
    }

    /// The source knows that it has to give this again.
    fn went_back(&self) {
        if let Some(hub) = self.hub.upgrade() {
            hub.handed_back(self.rewinds);
        }
    }

    /// Tells all that wait, unless they have been told.
    fn end(&self, result: Result<()>) {
        self.ended.send_if_modified(|ended| {
            let is_first = ended.is_none();
            ended.get_or_insert(result);
            is_first
        });
    }
}

/// The acker of one branch. Dropped without an outcome, it hands the delivery back for all.
struct Vote(Option<Arc<Joint>>);

/// Tells the others when the last branch no longer settles, also where that was interrupted.
struct Settling<'a>(&'a Joint);

#[async_trait]
impl Acker for Vote {
    async fn settle(mut self: Box<Self>, outcomes: &[Outcome]) -> Result<()> {
        let Some(joint) = self.0.take() else {
            return Ok(());
        };
        let mut ended = joint.ended.subscribe();
        if let Some((acker, outcomes)) = joint.add(outcomes) {
            let interrupted = Settling(&joint);
            let result = acker.settle(&outcomes).await;
            if result.is_err() || outcomes.contains(&Outcome::HandedBack) {
                joint.went_back();
            }
            joint.end(result);
            drop(interrupted);
        }
        let result = ended.wait_for(Option::is_some).await;
        result
            .ok()
            .and_then(|ended| ended.clone())
            .unwrap_or(Ok(()))
    }
}

impl Drop for Vote {
    fn drop(&mut self) {
        if let Some(joint) = self.0.take() {
            joint.hand_back();
        }
    }
}

impl Drop for Settling<'_> {
    fn drop(&mut self) {
        if self.0.ended.borrow().is_some() {
            return;
        }
        self.0.went_back();
        let detail = "the settlement of this delivery was interrupted: the source gives it again";
        self.0
            .end(Err(Error::temporary(ErrorKind::Unavailable, detail)));
    }
}

impl fmt::Debug for Vote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vote")
    }
}
