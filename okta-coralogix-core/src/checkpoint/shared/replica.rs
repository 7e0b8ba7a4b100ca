//! One process of several that share the logs of a store.

use std::collections::BTreeSet;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{HeldCheckpoint, SharedStore};
use crate::Result;

/// A process that shares the logs of a store with others: [`SharedStore::join`]. It takes its share of them, and hands over what is more.
/// Clones are the same.
///
/// Which replica holds a log decides the log's record alone; a replica that is wrong about the others takes too many or too few.
///
/// ```
/// # use okta_coralogix_core::checkpoint::shared::{Objects, SharedStore};
/// # use okta_coralogix_core::{Lease, Result};
/// # async fn run(objects: impl Objects, log: String) -> Result<()> {
/// let replica = SharedStore::new(objects).join([log.clone()]);
/// // For each log, in a task of its own:
/// let checkpoint = replica.acquire(&log).await?;
/// tokio::select! {
///     // … run a pipeline with this checkpoint and lease …
///     () = checkpoint.lost() => {}
///     // It is another replica's turn: let the pipeline finish what is in flight.
///     () = replica.hand_over(&log) => checkpoint.release().await?,
/// }
/// // … and ask for it again. At the end of the process:
/// replica.leave().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Replica(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: SharedStore,
    logs: Mutex<BTreeSet<String>>,
}

/// What a replica knows of itself and the others: for metrics and status pages.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplicaStatus {
    /// The name of this replica.
    pub holder: String,
    /// How many replicas seem to be there, with this one.
    pub living: usize,
    /// How many logs a replica holds at most once all is in balance.
    pub quota: usize,
    /// For how long the store has answered nothing but errors; `None`: it works.
    pub store_away_for: Option<Duration>,
    /// The logs of this replica, by name.
    pub logs: Vec<LogStatus>,
}

impl ReplicaStatus {
    /// True while the store answers nothing but errors.
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
    /// The replica that holds it, as it was seen last; `None`: nobody, or it was not seen yet.
    pub holder: Option<String>,
    /// How often it has changed hands; 0: it was not seen yet.
    pub term: u64,
    /// True if this replica holds it.
    pub is_own: bool,
    /// Until this replica may send no more, unless it renews the lease; zero while the store is away. `None`: it does not hold it.
    pub time_left: Option<Duration>,
    /// True while this replica is to hand it over: [`Replica::hand_over`] has resolved.
    pub is_handing_over: bool,
    /// Since this replica has looked at it, or written it.
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

impl SharedStore {
    /// Shares `logs` with the other replicas that have joined. Begins to tell them of this one.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn join(&self, logs: impl IntoIterator<Item = String>) -> Replica {
        Replica(Arc::new(Inner {
            store: self.clone(),
            logs: Mutex::new(logs.into_iter().collect()),
        }))
    }
}

impl Replica {
    /// The name of this replica.
    #[must_use]
    pub fn holder(&self) -> &str {
        self.0.store.holder()
    }

    /// Shares these logs from now on, as after a reload of the configuration. A log that this replica holds stays its own until it is
    /// released.
    pub fn set_logs(&self, logs: impl IntoIterator<Item = String>) {
        *self.logs() = logs.into_iter().collect();
    }

    /// Waits until it is this replica's turn to take the log, and takes it. A store that is away is waited for.
    ///
    /// # Cancel safety
    /// As [`SharedStore::acquire`].
    ///
    /// # Errors
    /// Those of [`SharedStore::acquire`], for this log alone.
    pub async fn acquire(&self, log: &str) -> Result<HeldCheckpoint> {
        self.0.store.acquire(log).await
    }

    /// Resolves when this replica should finish what is in flight for the log, and release it, so that another one takes it. Stays so until
    /// it is released.
    pub async fn hand_over(&self, log: &str) {
        let _ = log;
        pending().await
    }

    /// What is known now. Cheap: asks nobody.
    #[must_use]
    pub fn status(&self) -> ReplicaStatus {
        let logs = self.logs();
        let log = |name: &String| LogStatus {
            name: name.clone(),
            ..LogStatus::default()
        };
        ReplicaStatus {
            holder: self.holder().to_owned(),
            living: 1,
            quota: logs.len(),
            store_away_for: None,
            logs: logs.iter().map(log).collect(),
        }
    }

    /// Tells the others that this replica takes no log any more. To be called at the end, before or after its logs are released.
    pub async fn leave(&self) {}

    fn logs(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
