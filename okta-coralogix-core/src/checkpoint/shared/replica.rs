//! One process of several that share the logs of a store.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Notify};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::group::Group;
use super::place::Place;
use super::placement::{Placement, Times};
use super::presence::{self, Presence};
use super::status::ReplicaStatus;
use super::{HeldCheckpoint, SharedStore};
use crate::Result;

/// A process that shares the logs of a store with others: [`SharedStore::join`]. It takes its share of them, and hands over what is more.
/// Clones are the same.
///
/// The record of a log alone decides which replica holds it; one that is wrong about the others takes too many logs, or too few.
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
pub struct Replica(Arc<Joined>);

#[derive(Debug)]
struct Joined {
    store: SharedStore,
    group: Arc<Group>,
    /// The logs have changed.
    changed: Arc<Notify>,
    presence: Arc<Mutex<Presence>>,
    task: JoinHandle<()>,
}

impl Drop for Joined {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl SharedStore {
    /// Shares `logs` with the other replicas that have joined. Begins to tell them of this one.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn join(&self, logs: impl IntoIterator<Item = String>) -> Replica {
        let place = Arc::new(self.place(&presence::object_name(self.holder())));
        let times = Times {
            ttl: place.by_own_clock(place.ttl),
            poll: place.by_own_clock(place.poll),
            beat: place.beat(),
        };
        let mut placement = Placement::new(self.holder(), times);
        placement.set_logs(logs);
        let group = Arc::new(Group::new(placement));
        let changed = Arc::new(Notify::new());
        let presence = Arc::new(Mutex::new(Presence::new(Arc::clone(&place))));
        let keeper = Keeper {
            place,
            group: Arc::clone(&group),
            changed: Arc::clone(&changed),
            presence: Arc::clone(&presence),
        };
        // With wrong times nothing can be acquired.
        let is_fine = self.check_times().is_ok();
        let task = tokio::spawn(async move {
            if is_fine {
                keeper.run().await;
            }
        });
        Replica(Arc::new(Joined {
            store: self.clone(),
            group,
            changed,
            presence,
            task,
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
        self.0.group.placement().set_logs(logs);
        self.0.changed.notify_one();
    }

    /// Waits until it is this replica's turn to take the log, and takes it. A store that is away is waited for.
    ///
    /// # Cancel safety
    /// As [`SharedStore::acquire`].
    ///
    /// # Errors
    /// Those of [`SharedStore::acquire`], for this log alone.
    pub async fn acquire(&self, log: &str) -> Result<HeldCheckpoint> {
        self.0.store.acquire_in(log, Some(&self.0.group)).await
    }

    /// Resolves when this replica should finish what is in flight for the log, and release it, so that another one takes it. Stays so until
    /// it is released.
    pub async fn hand_over(&self, log: &str) {
        self.0.group.hand_over(log).await;
    }

    /// What is known now. Cheap: asks nobody.
    #[must_use]
    pub fn status(&self) -> ReplicaStatus {
        let away_for = self.0.store.health.away_for();
        self.0.group.status(self.holder(), away_for)
    }

    /// Tells the others that this replica takes no log any more. To be called at the end, before or after its logs are released. Waits for
    /// a sixth of the TTL at most: what the others are not told they find out.
    pub async fn leave(&self) {
        self.0.task.abort();
        if let Err(error) = self.0.presence.lock().await.leave().await {
            tracing::debug!(%error, "the others are not told that this replica ends");
        }
    }
}

/// The task of a replica.
struct Keeper {
    place: Arc<Place>,
    group: Arc<Group>,
    changed: Arc<Notify>,
    presence: Arc<Mutex<Presence>>,
}

impl Keeper {
    /// Tells the others of this replica, looks who else is there, and hands over what is more than its share.
    async fn run(self) {
        let mut due = Instant::now();
        let mut updates = 0_u64;
        let mut has_failed = false;
        loop {
            if Instant::now() >= due {
                let updated = self.presence.lock().await.update(&self.group).await;
                updates += 1;
                due = Instant::now() + self.pause(updates, updated.is_err());
                match updated {
                    Err(error) if !has_failed => {
                        has_failed = true;
                        tracing::warn!(%error, "the replicas cannot tell who else is there: their shares may be uneven");
                    }
                    ended => has_failed = ended.is_err(),
                }
                // Those that have begun at the same time know each other by now, and none has taken what is free.
                if updates == 2 {
                    self.group.placement().ready(Instant::now());
                }
            }
            if self.place.health.away_for().is_none() {
                self.group.balance(self.place.jitter());
            }
            let next = due.min(Instant::now() + self.place.pause());
            if timeout_at(next, self.changed.notified()).await.is_ok() {
                due = Instant::now();
            }
        }
    }

    /// Until the next update of the presence.
    fn pause(&self, updates: u64, has_failed: bool) -> Duration {
        let beat = self.place.beat().mul_f64(0.9 + 0.2 * self.place.jitter());
        match (updates, has_failed) {
            (1, _) => self.place.by_own_clock(self.place.poll),
            (_, true) => beat / 4,
            (_, false) => beat,
        }
    }
}
