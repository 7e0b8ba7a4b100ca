//! One org, kept for as long as the program runs.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures::FutureExt;
use okta_coralogix_core::checkpoint::CheckpointStore;
use okta_coralogix_core::dead_letter::DeadLetters;
use okta_coralogix_core::observe::Observer;
use okta_coralogix_core::{Error, ErrorKind, Result, Summary};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep};

use super::activity::{Activity, ActivityLog};
use super::audited::OrgAudit;
use super::down::Down;
use super::faults::panicked;
use super::integration::Integration;
use super::reopening::{Cause, Reopening, in_seconds};
use super::run_all::RunOptions;
use super::secrets::SecretValues;
use super::shared_log::SharedLog;
use crate::audit::continuous::{AuditObserver, AuditTurns};
use crate::program::metrics::{Monitor, SourceKind};

/// How often the files of the secrets are looked at while an org is refused.
const SECRETS_INTERVAL: Duration = Duration::from_secs(15);

/// A run of this length counts as work, as for an org that has no events. As long as the longest wait after a refusal: an org that is
/// refused now and then is still not tried more often than one that is refused always.
pub(crate) const LONG_RUN: Duration = Duration::from_secs(3600);

/// What all orgs of a process have in common.
#[derive(Debug)]
pub(super) struct Shared<O> {
    pub(super) options: RunOptions,
    pub(super) dead_letters: Arc<dyn DeadLetters>,
    pub(super) observer: O,
    /// Bounds how many orgs are being opened at a time.
    pub(super) opening: Arc<Semaphore>,
    /// Bounds how many are audited at a time.
    pub(super) audits: AuditTurns,
}

/// One org. Its states:
/// * *standby*, where replicas share the log: another one holds it. It waits until it has taken it, and is then *opening*. With `once` it
///   waits no longer than for a dead replica, and is then *ended*;
/// * *opening*: it waits for its turn, reads its secrets and its checkpoint. An error leads to *down*;
/// * *running*: a pipeline runs. An error leads to *down*; its end, with `once` or at the stop, to *ended*. Another replica that asks for
///   the log, or has taken it, leads to *standby*;
/// * *down*: it waits for as long as [`Reopening`] says, or until a secret has changed, and is then *opening* again. With `once` a
///   refusal leads to *ended*, and so does a local fault that lasts. A log that replicas share is released after a fault of this machine,
///   which another one may not have, and kept after a refusal, which another one would have too;
/// * *ended*. [`Org::supervise`] returns.
///
/// It counts as down until it is *up*: from an error on, through opening and running, until its position was saved or Okta had nothing
/// new. The stop leads to *ended* from every state.
#[derive(Debug)]
pub(super) struct Org<O> {
    pub(super) integration: Arc<Integration>,
    pub(super) shared: Arc<Shared<O>>,
    pub(super) monitor: Monitor,
    /// True: finish what is in flight.
    stop: watch::Receiver<bool>,
    pub(super) reopening: Reopening,
    /// Kept while the org is down: its lock keeps other processes away, and tells a folder that is away from a new one.
    pub(super) store: Option<Arc<dyn CheckpointStore>>,
    /// Set where replicas share the log.
    pub(super) log: Option<SharedLog>,
    /// The secrets that it was opened with last.
    pub(super) secrets: watch::Sender<Option<SecretValues>>,
    pub(super) down: Option<Down>,
    summary: Summary,
    /// Events that were handed back since the stop.
    handed_back: u64,
    /// It was opened before.
    pub(super) is_announced: bool,
    /// What its audit sees, if there is one.
    pub(super) audit: Option<AuditObserver>,
}

/// What follows an attempt that has not failed.
enum Next {
    End,
    /// Its log is left to another replica.
    Standby,
}

/// How an org has ended.
#[derive(Debug)]
pub(super) struct OrgReport {
    /// The sums of all its runs.
    pub(super) summary: Summary,
    /// Events that were handed back since the stop.
    pub(super) handed_back: u64,
    /// Set if it is down.
    pub(super) error: Option<Error>,
}

impl<O: Observer + Clone> Org<O> {
    pub(super) fn new(
        integration: Arc<Integration>,
        shared: Arc<Shared<O>>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Self {
            reopening: Reopening::new(&integration.name),
            monitor: shared
                .options
                .admin
                .monitor(&integration.name, SourceKind::Pull),
            log: shared_log(&shared.options, &integration.name),
            stop,
            integration,
            shared,
            store: None,
            secrets: watch::Sender::default(),
            down: None,
            summary: Summary::default(),
            handed_back: 0,
            is_announced: false,
            audit: None,
        }
    }

    /// The audit beside the delivery, not started, if there is to be one.
    pub(super) fn audit(&mut self) -> Option<OrgAudit> {
        let audit = OrgAudit::of(&self.integration, &self.shared, &self.monitor)?;
        self.audit = Some(audit.observer());
        Some(audit)
    }

    /// The secrets that it was opened with last; `None` before it is.
    pub(super) fn secrets(&self) -> watch::Receiver<Option<SecretValues>> {
        self.secrets.subscribe()
    }

    /// Opens and runs the org, again after each error, until it has ended.
    pub(super) async fn supervise(mut self) -> OrgReport {
        loop {
            let attempt = AssertUnwindSafe(self.attempt()).catch_unwind().await;
            // A panic in one org must not end the others. Its events were not settled.
            let error = match attempt.unwrap_or_else(|panic| Err(panicked(&*panic))) {
                Ok(Next::End) => break,
                Ok(Next::Standby) => continue,
                Err(error) => error,
            };
            let kind = error.kind();
            if kind == ErrorKind::Conflict {
                self.store = None;
            }
            if self.has_lost(kind).await {
                continue;
            }
            let since = self.down.take().map(|down| down.since);
            let since = since.unwrap_or_else(Instant::now);
            let down = self.down.insert(Down { since, error });
            if *self.stop.borrow() {
                break;
            }
            self.monitor.down(&down.error);
            let Some(wait) = self.wait_after(kind, since) else {
                if let Some(down) = &self.down {
                    down.log_end();
                }
                break;
            };
            if let Some(down) = &self.down {
                down.log(wait);
            }
            self.rest(kind, wait).await;
        }
        self.release().await;
        OrgReport {
            summary: self.summary,
            handed_back: self.handed_back,
            error: self.down.map(|down| down.error),
        }
    }

    /// Opens and runs the org once. Returns `Ok` once it has nothing left to do, is stopped, or leaves its log to another replica.
    async fn attempt(&mut self) -> Result<Next> {
        let log = ActivityLog::default();
        let mut stop = self.stop.clone();
        let opened = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return Ok(Next::End),
            opened = self.open(&log) => opened?,
        };
        let Some(opened) = opened else {
            return Ok(Next::End);
        };
        let handle = opened.handle();
        let handed_back = || handle.status().summary.handed_back;
        // What was handed back before the run was ended was given again.
        let before = AtomicU64::new(u64::MAX);
        let monitor = self.monitor.clone();
        let asked_for = self.log.as_ref().map(SharedLog::asked_for);
        let is_asked_for = AtomicBool::new(false);
        let run = opened.run(async {
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => before.store(handed_back(), Ordering::Relaxed),
                () = or_never(asked_for) => {
                    tracing::info!("another replica is to read the log: events in flight are finished, and it is released");
                    // A replica that hands an org over goes on, and is ready.
                    monitor.standby();
                    before.store(handed_back(), Ordering::Relaxed);
                    is_asked_for.store(true, Ordering::Relaxed);
                }
            }
        });
        let mut run = std::pin::pin!(run);
        let began = Instant::now();
        let mut changes = log.changes();
        let ended = loop {
            tokio::select! {
                ended = &mut run => break ended,
                _ = changes.wait_for(Activity::is_up), if self.down.is_some() => self.recovered(),
            }
        };
        // A stop may come while the org is handed over.
        if *self.stop.borrow() {
            self.handed_back += handed_back().saturating_sub(before.load(Ordering::Relaxed));
        }
        let activity = log.now();
        if activity.is_up() {
            self.recovered();
        }
        if activity.saved || began.elapsed() >= LONG_RUN {
            self.reopening.reset();
        }
        match ended {
            Ok(summary) => {
                self.summary += summary;
                if *self.stop.borrow() {
                    return Ok(Next::End);
                }
                self.recovered();
                if !is_asked_for.load(Ordering::Relaxed) {
                    return Ok(Next::End);
                }
                self.release().await;
                Ok(Next::Standby)
            }
            Err(failed) => {
                self.summary += failed.summary;
                Err(failed.error)
            }
        }
    }

    /// How long the org is down before it is opened again; `None` if it has ended.
    fn wait_after(&mut self, kind: ErrorKind, since: Instant) -> Option<Duration> {
        let wait = self.reopening.wait_after(kind);
        let Some(limit) = self.shared.options.once else {
            return Some(wait);
        };
        let left = limit.saturating_sub(since.elapsed());
        (Cause::of(kind) == Cause::LocalFault && !left.is_zero()).then(|| wait.min(left))
    }

    /// Waits before the org is opened again: until `wait` has passed, a secret has changed after a refusal, or the stop.
    async fn rest(&mut self, kind: ErrorKind, mut wait: Duration) {
        let mut stop = self.stop.clone();
        let is_refused = Cause::of(kind) == Cause::Refusal;
        if let Some(log) = &mut self.log
            && !is_refused
            && log.is_held()
        {
            log.release().await;
            // The others look, and take it first.
            wait = wait.max(log.poll() * 2);
        }
        let leaves = self.log.as_ref().map(SharedLog::leaves);
        let mut is_left = false;
        let has_new_secret = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => false,
            () = or_never(leaves) => {
                is_left = true;
                false
            }
            () = sleep(wait) => false,
            () = self.secret_changed(), if is_refused => true,
        };
        if is_left {
            self.release().await;
        }
        if has_new_secret {
            tracing::info!("a secret of the org has changed: it is tried at once");
            self.reopening.reset();
        }
    }

    /// True if the log is another replica's by now, which is no fault.
    async fn has_lost(&mut self, kind: ErrorKind) -> bool {
        if self.log.is_none() || !matches!(kind, ErrorKind::LeaseLost | ErrorKind::Conflict) {
            return false;
        }
        tracing::warn!(
            "another replica has taken the log, since this one has not renewed its lease in time: this one is on standby"
        );
        self.release().await;
        true
    }

    /// Leaves the log to another replica, if there are any and it is held.
    async fn release(&mut self) {
        if let Some(log) = &mut self.log {
            log.release().await;
        }
    }

    /// Resolves once a secret has other bytes than those that the org was opened with.
    async fn secret_changed(&self) {
        loop {
            let integration = Arc::clone(&self.integration);
            let read = tokio::task::spawn_blocking(move || integration.read_secrets()).await;
            // A file that cannot be read is being replaced, perhaps.
            if let (Ok(Ok(now)), Some(used)) = (read, &*self.secrets.borrow())
                && !now.is_same(used)
            {
                return;
            }
            sleep(SECRETS_INTERVAL).await;
        }
    }

    fn recovered(&mut self) {
        if let Some(down) = self.down.take() {
            let after = in_seconds(down.since.elapsed());
            tracing::info!("the org is up again: recovered after {after}");
        }
    }
}

/// In a dry run nobody shares anything.
fn shared_log(options: &RunOptions, integration: &str) -> Option<SharedLog> {
    let logs = options.shared_logs.clone();
    let logs = logs.filter(|_| options.dry_run.is_none())?;
    Some(SharedLog::new(logs, integration))
}

async fn or_never(happens: Option<impl Future<Output = ()>>) {
    match happens {
        Some(happens) => happens.await,
        None => std::future::pending().await,
    }
}
