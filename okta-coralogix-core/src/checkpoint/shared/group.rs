//! What the tasks of one replica know together: those that wait for a log, those that hold one, and the one that tells the others of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::placement::{Free, LogState, Placement};
use super::state::State;
use super::status::{LogStatus, ReplicaStatus};

#[derive(Debug)]
pub(super) struct Group {
    placement: Mutex<Placement>,
    /// The leases of the logs that this replica holds.
    leases: Mutex<BTreeMap<String, watch::Receiver<State>>>,
    /// The logs that are to be handed over.
    handing_over: watch::Sender<BTreeSet<String>>,
}

impl Group {
    pub(super) fn new(placement: Placement) -> Self {
        Self {
            placement: Mutex::new(placement),
            leases: Mutex::default(),
            handing_over: watch::Sender::default(),
        }
    }

    pub(super) fn placement(&self) -> MutexGuard<'_, Placement> {
        self.placement
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn leases(&self) -> MutexGuard<'_, BTreeMap<String, watch::Receiver<State>>> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to look at a log; ends it when that is dropped.
    pub(super) fn watch(self: &Arc<Self>, log: &str) -> Watching {
        Watching {
            group: Arc::clone(self),
            log: log.to_owned(),
        }
    }

    pub(super) fn taken(&self, log: &str, term: u64, lease: watch::Receiver<State>) {
        self.leases().insert(log.to_owned(), lease);
        self.placement().taken(log, term, Instant::now());
    }

    pub(super) fn wrote(&self, log: &str, term: u64) {
        self.placement().wrote(log, term, Instant::now());
    }

    pub(super) fn lost(&self, log: &str, term: u64) {
        self.placement().lost(log, term);
        self.ended(log);
    }

    pub(super) fn released(&self, log: &str, term: u64) {
        self.placement().released(log, term, Instant::now());
        self.ended(log);
    }

    pub(super) fn dropped(&self, log: &str, term: u64) {
        self.placement().dropped(log, term);
        self.ended(log);
    }

    /// Where this replica does not hold it any more.
    fn ended(&self, log: &str) {
        let placement = self.placement();
        if !placement.is_own(log) {
            self.leases().remove(log);
            self.handing_over.send_if_modified(|logs| logs.remove(log));
        }
    }

    /// Asks for a hand-over, if it is time for one.
    pub(super) fn balance(&self, jitter: f64) {
        // Until it is noted, so that a release in between cannot come first.
        let mut placement = self.placement();
        let Some(log) = placement.hand_over(Instant::now(), jitter) else {
            return;
        };
        tracing::info!(
            log,
            to = placement.target(&log),
            "this replica holds more logs than others, and hands over one"
        );
        self.handing_over.send_modify(|logs| {
            logs.insert(log);
        });
    }

    /// Who is to take the log, if it is handed over.
    pub(super) fn target(&self, log: &str) -> Option<String> {
        self.placement().target(log).map(str::to_owned)
    }

    /// Resolves once the log is to be handed over.
    pub(super) async fn hand_over(&self, log: &str) {
        let mut handing_over = self.handing_over.subscribe();
        // The sender is alive as long as this is.
        handing_over.wait_for(|logs| logs.contains(log)).await.ok();
    }

    pub(super) fn status(&self, holder: &str, store_away_for: Option<Duration>) -> ReplicaStatus {
        let now = Instant::now();
        let placement = self.placement();
        let leases = self.leases();
        let handing_over = self.handing_over.borrow();
        let known = placement
            .logs()
            .filter(|(_, log)| log.is_shared || log.state == LogState::Own);
        let logs = known.map(|(name, log)| LogStatus {
            name: name.clone(),
            holder: match &log.state {
                LogState::Held(holder) => Some(holder.clone()),
                LogState::Own => Some(holder.to_owned()),
                LogState::Unseen | LogState::Free(_) | LogState::Taking => None,
            },
            term: log.term,
            is_own: log.state == LogState::Own,
            time_left: leases
                .get(name)
                .and_then(|lease| lease.borrow().time_left()),
            is_handing_over: handing_over.contains(name),
            seen_ago: log.seen.map(|seen| now.saturating_duration_since(seen)),
            taken: log.taken,
            lost: log.lost,
            released: log.released,
            handed_over: log.handed_over,
        });
        ReplicaStatus {
            holder: holder.to_owned(),
            living: 1 + placement.members.count(now),
            quota: placement.quota(now),
            store_away_for,
            logs: logs.collect(),
        }
    }
}

/// A log that this replica looks at, to take it.
#[derive(Debug)]
pub(super) struct Watching {
    group: Arc<Group>,
    log: String,
}

impl Watching {
    pub(super) fn saw(&self, state: LogState, term: u64, is_changed: bool) {
        let mut placement = self.group.placement();
        placement.saw(&self.log, state, term, is_changed, Instant::now());
    }

    /// How long to wait until it is this replica's turn; zero: now.
    pub(super) fn turn(&self, free: &Free) -> Duration {
        self.group.placement().turn(&self.log, free, Instant::now())
    }

    pub(super) fn not_taken(&self) {
        self.group.placement().unseen(&self.log);
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.group.placement().unseen(&self.log);
    }
}
