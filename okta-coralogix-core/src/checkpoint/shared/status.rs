//! What a replica says of itself.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::{ErrorKind, Result};

/// What a replica knows of itself and the others: for metrics and status pages.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplicaStatus {
    /// The name of this replica.
    pub holder: String,
    /// How many replicas seem to live, with this one.
    pub living: usize,
    /// How many logs a replica holds at most once all is in balance.
    pub quota: usize,
    /// For how long each call of the store has failed; `None`: the last one has not.
    pub store_away_for: Option<Duration>,
    /// The logs that this replica shares or holds, by name.
    pub logs: Vec<LogStatus>,
}

impl ReplicaStatus {
    /// True while each call of the store fails.
    #[must_use]
    pub fn is_store_away(&self) -> bool {
        self.store_away_for.is_some()
    }
}

/// What a replica knows of a log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LogStatus {
    /// Its name.
    pub name: String,
    /// The replica that holds it, as it was seen last; `None`: nobody, or it is not looked at.
    pub holder: Option<String>,
    /// How often it has changed hands; 0: it was not seen yet.
    pub term: u64,
    /// True if this replica holds it.
    pub is_own: bool,
    /// How long this replica may still send, unless it renews the lease before; zero while the store is away. `None`: it does not hold it.
    pub time_left: Option<Duration>,
    /// True while this replica is to hand it over: [`Replica::hand_over`](super::Replica::hand_over) has resolved.
    pub is_handing_over: bool,
    /// When this replica has last read or written its record.
    pub seen_ago: Option<Duration>,
    /// How often this process has taken it.
    pub taken: u64,
    /// How often this process has lost it to another one.
    pub lost: u64,
    /// How often this process has released it, also to hand it over.
    pub released: u64,
    /// How often this process has released it to hand it over.
    pub handed_over: u64,
}

/// Whether the store answers.
#[derive(Debug, Default)]
pub(super) struct StoreHealth {
    away: Mutex<Option<Instant>>,
}

impl StoreHealth {
    /// Notes how a call has ended. That a condition does not hold is an answer.
    pub(super) fn note<T>(&self, ended: &Result<T>) {
        let is_answer = match ended {
            Ok(_) => true,
            Err(error) => error.kind() == ErrorKind::Conflict,
        };
        let mut away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        match is_answer {
            true => *away = None,
            false => {
                away.get_or_insert_with(Instant::now);
            }
        }
    }

    pub(super) fn away_for(&self) -> Option<Duration> {
        let away = *self.away.lock().unwrap_or_else(PoisonError::into_inner);
        away.map(|since| since.elapsed())
    }
}
