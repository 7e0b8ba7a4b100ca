//! All pipelines of the process.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::join_all;
use okta_coralogix_core::Clock;
use okta_coralogix_core::checkpoint::shared::{Replica, ReplicaStatus};
use serde::Serialize;
use tokio::time::timeout;

use super::families;
use super::histogram::Histogram;
use super::monitor::{Monitor, Watched};
use super::source_kind::SourceKind;
use crate::program::admin::DeadLetterFiles;
use crate::program::start::COMMIT;

/// From the beginning of a request to Coralogix to its answer, in seconds.
const DURATION_BOUNDS: &[f64] = &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Which program this is.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct VersionInfo {
    /// That of the package.
    pub version: &'static str,
    /// That of the program's start line, or `unknown`.
    pub revision: &'static str,
}

impl VersionInfo {
    /// Of this build.
    pub const CURRENT: Self = Self {
        version: env!("CARGO_PKG_VERSION"),
        revision: match COMMIT {
            Some(commit) => commit,
            None => "unknown",
        },
    };
}

/// The pipelines of a process. Clones share them.
#[derive(Debug, Clone)]
pub struct Registry(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Arc<dyn Clock>,
    started: DateTime<Utc>,
    dead_letters: Option<DeadLetterFiles>,
    ingress_duration: Arc<Histogram>,
    monitors: Mutex<Vec<Monitor>>,
    /// Set where replicas share logs.
    replica: OnceLock<Replica>,
}

impl Registry {
    /// No pipeline yet. `dead_letters`: the file that they all write to.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, dead_letters: Option<PathBuf>) -> Self {
        Self(Arc::new(Inner {
            started: clock.now(),
            clock,
            dead_letters: dead_letters.map(DeadLetterFiles::new),
            ingress_duration: Arc::new(Histogram::new(DURATION_BOUNDS)),
            monitors: Mutex::default(),
            replica: OnceLock::new(),
        }))
    }

    /// Watches the pipeline of this name, in all its runs; its series are there from now on.
    #[must_use]
    pub fn monitor(&self, name: &str, source: SourceKind) -> Monitor {
        let mut monitors = self.monitors();
        let known = monitors.iter().find(|monitor| {
            let watched = monitor.watched();
            watched.is_some_and(|watched| watched.name == name && watched.source == source)
        });
        if let Some(known) = known {
            return known.clone();
        }
        let duration = Arc::clone(&self.0.ingress_duration);
        let monitor = Monitor::new(name, source, Arc::clone(&self.0.clock), duration);
        monitors.push(monitor.clone());
        monitor
    }

    /// Shows what this replica holds. The first one stays.
    pub fn replica(&self, replica: Replica) {
        self.0.replica.set(replica).ok();
    }

    /// What this replica holds; `None` where there are no replicas.
    pub(in crate::program) fn replica_status(&self) -> Option<ReplicaStatus> {
        self.0.replica.get().map(Replica::status)
    }

    /// Watches the pipeline of this name no more; its series are gone.
    pub fn forget(&self, name: &str) {
        self.monitors().retain(|monitor| {
            let watched = monitor.watched();
            watched.is_none_or(|watched| watched.name != name)
        });
    }

    /// Everything, as Prometheus scrapes it. A loop counts as alive if it turns within `turn`.
    pub async fn scrape(&self, turn: Duration) -> String {
        self.hanging(turn).await;
        let letters = match &self.0.dead_letters {
            Some(letters) => letters.bytes().await,
            None => None,
        };
        families::text(&families::Scraped {
            started: self.0.started,
            letters,
            ingress_duration: &self.0.ingress_duration,
            pipelines: self.watched(),
            replica: self.replica_status(),
        })
    }

    /// The names of the pipelines whose loops do not turn within `limit`, though their runs go on.
    pub(in crate::program) async fn hanging(&self, limit: Duration) -> Vec<String> {
        let watched = self.watched();
        let probes = watched.iter().map(|watched| async move {
            let handles = watched.running();
            // One that ends meanwhile does not hang.
            let turns = join_all(handles.iter().map(|handle| timeout(limit, handle.turn())));
            let hangs = turns.await.iter().any(Result::is_err);
            if !hangs {
                watched.times.alive.advance(watched.now());
            }
            hangs.then(|| watched.name.clone())
        });
        join_all(probes).await.into_iter().flatten().collect()
    }

    pub(in crate::program) fn watched(&self) -> Vec<Arc<Watched>> {
        let monitors = self.monitors();
        monitors
            .iter()
            .filter_map(|monitor| monitor.watched().cloned())
            .collect()
    }

    pub(in crate::program) fn started(&self) -> DateTime<Utc> {
        self.0.started
    }

    pub(in crate::program) fn now(&self) -> DateTime<Utc> {
        self.0.clock.now()
    }

    pub(in crate::program) async fn dead_letter_bytes(&self) -> Option<u64> {
        match &self.0.dead_letters {
            Some(letters) => letters.bytes().await,
            None => None,
        }
    }

    /// Nothing that runs under this lock panics, so that a poisoned one is still sound.
    fn monitors(&self) -> MutexGuard<'_, Vec<Monitor>> {
        self.0
            .monitors
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
