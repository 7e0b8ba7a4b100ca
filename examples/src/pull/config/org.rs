//! One org, kept for as long as the program runs.

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::FutureExt;
use okta_coralogix_core::checkpoint::{CheckpointStore, FileCheckpoint};
use okta_coralogix_core::dead_letter::DeadLetters;
use okta_coralogix_core::mapping::Mapping as _;
use okta_coralogix_core::observe::Observer;
use okta_coralogix_core::{
    Clock, Error, ErrorKind, EventSource, LogSink, Pipeline, Result, Summary,
};
use okta_source::OktaSource;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep, timeout};

use super::activity::{Activity, ActivityLog, ObservedCheckpoint, ObservedPolls};
use super::audited::OrgAudit;
use super::beginning::Beginning;
use super::down::Down;
use super::faults::{interrupted, panicked};
use super::integration::{Connection, Integration, TOO_OLD_KEYS};
use super::reopening::{Cause, Reopening, in_seconds};
use super::run_all::RunOptions;
use super::secrets::SecretValues;
use crate::audit::continuous::{AuditTurns, DeliveredLog};
use crate::program::metrics::{Monitor, SourceKind};

/// How often the files of the secrets are looked at while an org is refused.
const SECRETS_INTERVAL: Duration = Duration::from_secs(15);

/// How long an org that is being opened keeps others from it, at most.
const OPENING_TIME: Duration = Duration::from_secs(2);

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
/// * *opening*: it waits for its turn, reads its secrets and its checkpoint. An error leads to *down*;
/// * *running*: a pipeline runs. An error leads to *down*; its end, with `once` or at the stop, to *ended*;
/// * *down*: it waits for as long as [`Reopening`] says, or until a secret has changed, and is then *opening* again. With `once` a
///   refusal leads to *ended*, and so does a local fault that lasts;
/// * *ended*. [`Org::supervise`] returns.
///
/// It counts as down until it is *up*: from an error on, through opening and running, until its position was saved or Okta had nothing
/// new. The stop leads to *ended* from every state.
#[derive(Debug)]
pub(super) struct Org<O> {
    integration: Arc<Integration>,
    shared: Arc<Shared<O>>,
    monitor: Monitor,
    /// True: finish what is in flight.
    stop: watch::Receiver<bool>,
    reopening: Reopening,
    /// Kept while the org is down: its lock keeps other processes away, and tells a folder that is away from a new one.
    store: Option<Arc<dyn CheckpointStore>>,
    /// The secrets that it was opened with last.
    secrets: watch::Sender<Option<SecretValues>>,
    down: Option<Down>,
    summary: Summary,
    /// Events that were handed back since the stop.
    handed_back: u64,
    /// It was opened before.
    is_announced: bool,
    /// What it has delivered, if it is audited.
    delivered: Option<DeliveredLog>,
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
            stop,
            integration,
            shared,
            store: None,
            secrets: watch::Sender::default(),
            down: None,
            summary: Summary::default(),
            handed_back: 0,
            is_announced: false,
            delivered: None,
        }
    }

    /// The audit beside the delivery, not started, if there is to be one.
    pub(super) fn audit(&mut self) -> Option<OrgAudit> {
        let audit = OrgAudit::of(&self.integration, &self.shared, &self.monitor)?;
        self.delivered = Some(audit.delivered());
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
            let Err(error) = attempt.unwrap_or_else(|panic| Err(panicked(&*panic))) else {
                break;
            };
            if error.kind() == ErrorKind::Conflict {
                self.store = None;
            }
            let kind = error.kind();
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
        OrgReport {
            summary: self.summary,
            handed_back: self.handed_back,
            error: self.down.map(|down| down.error),
        }
    }

    /// Opens and runs the org once. Returns `Ok` once it has nothing left to do, or is stopped.
    async fn attempt(&mut self) -> Result<()> {
        let log = ActivityLog::default();
        let mut stop = self.stop.clone();
        let opened = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
            opened = self.open(&log) => opened?,
        };
        let handle = opened.handle();
        let handed_back = || handle.status().summary.handed_back;
        // What was handed back before the stop was given again.
        let before = AtomicU64::new(u64::MAX);
        let run = opened.run(async {
            drop(stop.wait_for(|stop| *stop).await);
            before.store(handed_back(), Ordering::Relaxed);
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
        self.handed_back += handed_back().saturating_sub(before.load(Ordering::Relaxed));
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
                if !*self.stop.borrow() {
                    self.recovered();
                }
                Ok(())
            }
            Err(failed) => {
                self.summary += failed.summary;
                Err(failed.error)
            }
        }
    }

    async fn open(&mut self, log: &ActivityLog) -> Result<Pipeline<OktaSource>> {
        self.wait_for_turn(log).await;
        let integration = Arc::clone(&self.integration);
        let connecting = tokio::task::spawn_blocking(move || {
            let secrets = integration.read_secrets()?;
            let connection = integration.connect(&secrets)?;
            Ok::<_, Error>((secrets, connection))
        });
        let (secrets, connection) = connecting.await.map_err(interrupted)??;
        self.secrets.send_replace(Some(secrets));
        let Connection {
            source,
            sink,
            mapping,
            clock: _,
        } = connection;
        let checkpoint = ObservedCheckpoint::new(log.clone(), self.checkpoint().await?);
        let Shared {
            options,
            dead_letters,
            observer,
            ..
        } = &*self.shared;
        let source = source
            .clock(Arc::clone(&options.clock))
            .once(options.once.is_some())
            .observer(ObservedPolls(log.clone()))
            .checkpoint(checkpoint)
            .open()
            .await?;
        let own = &self.integration.pipeline;
        let too_old = own.too_old.unwrap_or_default();
        let dry_run = options.dry_run.clone();
        let sink = (dry_run.as_ref()).map_or(sink as Arc<dyn LogSink>, |dry_run| dry_run.sink());
        if !std::mem::replace(&mut self.is_announced, true) {
            let location = PathBuf::from(dead_letters.location());
            let beginning = Beginning {
                since: self.integration.has_since.then_some("since"),
                resumes: None,
                too_old,
                keep: TOO_OLD_KEYS,
                proxy: self.integration.proxy.as_deref(),
                checkpoint: dry_run.is_none().then_some(&*self.integration.checkpoint),
                dead_letters: dry_run.is_none().then_some(&*location),
            };
            let (start, now) = (source.start_point(), options.clock.now());
            beginning.log(start, source.name(), &*sink, now);
            if let Some(dry_run) = &dry_run {
                dry_run.begins(&self.integration.name, start, too_old, now);
            }
        }
        let pipeline = Pipeline::builder(source, sink)
            .name(&self.integration.name)
            .age_filter(own.age_filter())
            .clock(Arc::clone(&options.clock))
            .dead_letters(Arc::clone(dead_letters))
            .observer((
                (observer.clone(), self.monitor.clone()),
                (
                    dry_run.as_ref().map(|dry_run| dry_run.observer()),
                    self.delivered.clone(),
                ),
            ))
            .drain_timeout(own.drain_timeout());
        let pipeline = match dry_run {
            Some(dry_run) => {
                pipeline.mapping(mapping.adjusted(move |event, entry| dry_run.entry(event, entry)))
            }
            None => pipeline.mapping(mapping),
        };
        let pipeline = match &own.event_types {
            Some(types) => pipeline.filter(types.clone()),
            None => pipeline,
        };
        // A refusal is answered by the waits between the runs, unless it was set otherwise.
        let pipeline = match options.once {
            Some(time) => {
                let faults = own.faults.without_refusal_wait();
                faults.apply(pipeline).give_up_after(time).build()?
            }
            None => own
                .faults
                .with_refusal_wait_if_set()
                .apply(pipeline)
                .build()?,
        };
        self.monitor.attach(pipeline.handle());
        Ok(pipeline)
    }

    /// Waits until few enough other orgs are being opened. This one then counts among them until Okta has answered it, or it has
    /// ended, or for a while.
    async fn wait_for_turn(&self, log: &ActivityLog) {
        // Never closed.
        let turn = Arc::clone(&self.shared.opening).acquire_owned().await.ok();
        let mut changes = log.changes();
        tokio::spawn(async move {
            let answered = changes.wait_for(|activity| activity.answered);
            drop(timeout(OPENING_TIME, answered).await);
            drop(turn);
        });
    }

    /// The checkpoint, which is shown to be writable after a local fault: a disk that is still full would otherwise take a page to
    /// Coralogix each time and commit none.
    async fn checkpoint(&mut self) -> Result<Arc<dyn CheckpointStore>> {
        let store = match &self.store {
            Some(store) => Arc::clone(store),
            None => match &self.shared.options.dry_run {
                Some(dry_run) => dry_run.checkpoint(),
                None => Arc::new(FileCheckpoint::open(&self.integration.checkpoint).await?),
            },
        };
        self.store = Some(Arc::clone(&store));
        if self.reopening.follows_local_fault()
            && let Some(found) = store.load().await?
        {
            store.replace(&found.value, &found.version).await.saved()?;
        }
        Ok(store)
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
    async fn rest(&mut self, kind: ErrorKind, wait: Duration) {
        let mut stop = self.stop.clone();
        let is_refused = Cause::of(kind) == Cause::Refusal;
        let has_new_secret = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => false,
            () = sleep(wait) => false,
            () = self.secret_changed(), if is_refused => true,
        };
        if has_new_secret {
            tracing::info!("a secret of the org has changed: it is tried at once");
            self.reopening.reset();
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
