//! What the audit of a pipeline has found.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::series::CounterBy;

/// How rounds end.
const OUTCOMES: &[&str] = &["complete", "differences", "unverified", "failed"];

/// What an audit finds, each event once: when its time is verified, which it is once.
const RESULTS: &[&str] = &["missing", "doubled", "foreign"];

/// The figures of an audit that goes on.
#[derive(Debug)]
pub struct AuditFigures {
    pub(super) rounds: CounterBy,
    pub(super) events: CounterBy,
    /// Missing events that were sent, and accepted.
    pub(super) refilled: AtomicU64,
    /// Refills are stopped until a person acts.
    pub(super) refill_stopped: AtomicBool,
    latest: Mutex<Latest>,
}

#[derive(Debug, Clone)]
pub(crate) struct Latest {
    /// All events that were published before are verified.
    pub(crate) verified_through: DateTime<Utc>,
    /// When a round last verified anything.
    pub(crate) proof: Option<DateTime<Utc>>,
    /// The last round, for people.
    pub(crate) round: Option<Value>,
}

impl AuditFigures {
    /// No round yet; the first one begins at `start`.
    #[must_use]
    pub fn beginning(start: DateTime<Utc>) -> Self {
        Self {
            rounds: CounterBy::new(OUTCOMES),
            events: CounterBy::new(RESULTS),
            refilled: AtomicU64::new(0),
            refill_stopped: AtomicBool::new(false),
            latest: Mutex::new(Latest {
                verified_through: start,
                proof: None,
                round: None,
            }),
        }
    }

    /// A round has ended.
    pub(crate) fn round(&self, outcome: &str, round: Value) {
        self.rounds.add(outcome, 1);
        self.lock().round = Some(round);
    }

    /// So many events are missing, doubled or foreign, which is proven.
    pub(crate) fn events(&self, result: &str, events: u64) {
        self.events.add(result, events);
    }

    /// So many missing events were sent, and accepted.
    pub(crate) fn refilled(&self, events: u64) {
        self.refilled.fetch_add(events, Ordering::Relaxed);
    }

    /// Whether refills are stopped.
    pub(crate) fn refill_stopped(&self, stopped: bool) {
        self.refill_stopped.store(stopped, Ordering::Relaxed);
    }

    /// What is verified by now.
    pub(crate) fn verified(&self, through: DateTime<Utc>, proof: Option<DateTime<Utc>>) {
        let mut latest = self.lock();
        (latest.verified_through, latest.proof) = (through, proof);
    }

    pub(crate) fn latest(&self) -> Latest {
        self.lock().clone()
    }

    /// Nothing that runs under this lock panics.
    fn lock(&self) -> MutexGuard<'_, Latest> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
impl AuditFigures {
    /// Complete, differences, unverified, failed.
    pub(crate) fn rounds_by_outcome(&self) -> [u64; 4] {
        let counts: Vec<_> = self.rounds.read().map(|(_, count)| count).collect();
        counts.try_into().expect("there are four outcomes")
    }

    pub(crate) fn is_refill_stopped(&self) -> bool {
        self.refill_stopped.load(Ordering::Relaxed)
    }

    /// Missing, doubled, foreign.
    pub(crate) fn events_by_result(&self) -> [u64; 3] {
        let counts: Vec<_> = self.events.read().map(|(_, count)| count).collect();
        counts.try_into().expect("there are three results")
    }
}
