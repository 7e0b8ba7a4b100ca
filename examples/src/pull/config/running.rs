//! The integrations that run side by side, some of which may begin, end, or begin anew while the others go on.

use std::collections::HashMap;
use std::sync::Arc;

use okta_coralogix_core::dead_letter::DeadLetters;
use okta_coralogix_core::observe::Observer;
use okta_coralogix_core::{Error, ErrorKind, Result, Summary};
use tokio::sync::{Semaphore, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tracing::Instrument;

use super::Integration;
use super::audited::OrgAudit;
use super::org::{Org, OrgReport, Shared};
use super::reload::{Change, Planned, nothing_changed};
use super::run_all::{RunOptions, RunReport};
use super::secrets::SecretValues;
use crate::audit::continuous::AuditTurns;
use crate::program::start::span;

/// How many orgs may be opened at a time: each one takes descriptors, a TLS handshake and perhaps a page of its backlog.
const OPENING: usize = 32;

/// The integrations of a process. Each is in one of these states:
/// * *wanted*: the file has it. It runs, or (with `once`) has ended by itself;
/// * *leaving*: it was removed from the file, or changed, and finishes what is in flight. Its successor of the same name or checkpoint
///   waits until it has ended;
/// * ended, and forgotten.
///
/// Never do two use one checkpoint.
pub(in super::super) struct Running<O> {
    shared: Arc<Shared<O>>,
    /// In the order of the file.
    wanted: Vec<Run>,
    leaving: Vec<Run>,
    tasks: JoinSet<OrgReport>,
    /// The tasks by the names of their integrations.
    names: HashMap<Id, String>,
    report: RunReport,
}

/// An integration that was begun.
struct Run {
    integration: Arc<Integration>,
    /// Those that it was opened with.
    secrets: watch::Receiver<Option<SecretValues>>,
    task: Id,
    /// True: finish what is in flight.
    stop: watch::Sender<bool>,
    /// Closed once it has ended.
    ended: watch::Receiver<()>,
    /// Set once it has ended by itself.
    error: Option<Error>,
}

impl<O: Observer + Clone> Running<O> {
    /// Begins all of them.
    pub(in super::super) fn start(
        integrations: Vec<Integration>,
        options: &RunOptions,
        dead_letters: Arc<dyn DeadLetters>,
        observer: O,
    ) -> Self {
        let shared = Shared {
            options: options.clone(),
            dead_letters,
            observer,
            opening: Arc::new(Semaphore::new(OPENING)),
            audits: AuditTurns::default(),
        };
        let mut running = Self {
            shared: Arc::new(shared),
            wanted: Vec::new(),
            leaving: Vec::new(),
            tasks: JoinSet::new(),
            names: HashMap::new(),
            report: RunReport::default(),
        };
        for integration in integrations {
            let run = running.begin(Arc::new(integration));
            running.wanted.push(run);
        }
        running
    }

    /// Runs them until each has ended, or `shutdown` resolves. `reload` gives other integrations in place of these, each time that it
    /// resolves; of one that they do not have any more `left` is told the name once it has ended.
    pub(in super::super) async fn run<R: Future<Output = Vec<Planned>>>(
        mut self,
        shutdown: impl Future<Output = ()>,
        mut reload: impl FnMut() -> R,
        left: impl Fn(&str),
    ) -> RunReport {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut next = Box::pin(reload());
        let mut is_stopping = false;
        loop {
            tokio::select! {
                biased;
                () = &mut shutdown, if !is_stopping => {
                    is_stopping = true;
                    self.stop_all();
                }
                ended = self.tasks.join_next_with_id() => match ended {
                    Some(ended) => self.ended(ended, &left),
                    None => break,
                },
                planned = &mut next, if !is_stopping => {
                    match self.replace(planned).await {
                        Ok(change) => change.log(),
                        Err(error) => nothing_changed(&error),
                    }
                    next = Box::pin(reload());
                }
            }
        }
        let failed = self.wanted.iter_mut();
        let failed =
            failed.filter_map(|run| Some((run.integration.name.clone(), run.error.take()?)));
        self.report.failed = failed.collect();
        self.report.integrations = self.wanted.len();
        self.report
    }

    fn stop_all(&self) {
        for run in self.wanted.iter().chain(&self.leaving) {
            run.stop.send_replace(true);
        }
    }

    /// Puts other integrations in place of these. Those that are the same go on.
    ///
    /// # Errors
    /// `Config`, if one that is new or changed cannot be opened. Nothing is changed then.
    async fn replace(&mut self, planned: Vec<Planned>) -> Result<Change> {
        let known = |planned: &Planned| {
            let mut wanted = self.wanted.iter();
            wanted.position(|run| run.integration.name == planned.integration.name)
        };
        let mut plan = Vec::new();
        for planned in planned {
            let old = known(&planned);
            let run = old.map(|old| &self.wanted[old]);
            let is_same = run.is_some_and(|run| planned.is_same(&run.integration, &run.secrets));
            if is_same {
                planned.tell_unread_secrets();
            }
            plan.push((planned, old.filter(|_| is_same)));
        }
        let new = plan.iter().filter(|(_, same)| same.is_none());
        Planned::check_all(new.map(|(planned, _)| planned)).await?;

        let mut old: Vec<_> = std::mem::take(&mut self.wanted)
            .into_iter()
            .map(Some)
            .collect();
        let mut change = Change::default();
        let same: Vec<_> = plan
            .iter()
            .map(|(_, same)| same.and_then(|same| old[same].take()))
            .collect();
        for run in old.into_iter().flatten() {
            run.stop.send_replace(true);
            change.ends.push(run.integration.name.clone());
            if run.ended.has_changed().is_ok() {
                self.leaving.push(run);
            }
        }
        for ((planned, _), same) in plan.into_iter().zip(same) {
            let run = match same {
                Some(run) => {
                    change.go_on += 1;
                    run
                }
                None => {
                    change.begins.push(planned.integration.name.clone());
                    self.begin(planned.integration)
                }
            };
            self.wanted.push(run);
        }
        let options = &self.shared.options;
        // One that ends takes what is free, and has no share.
        if let Some(logs) = options
            .shared_logs
            .as_ref()
            .filter(|_| options.once.is_none())
        {
            let names = self.wanted.iter().map(|run| run.integration.name.clone());
            logs.replica.set_logs(names);
        }
        Ok(change)
    }

    /// Begins one, once those before it that use its name or its checkpoint have ended.
    fn begin(&mut self, integration: Arc<Integration>) -> Run {
        let name = integration.name.clone();
        let before = self.leaving.iter().filter(|run| {
            run.integration.name == name || run.integration.checkpoint == integration.checkpoint
        });
        let before: Vec<_> = before.map(|run| run.ended.clone()).collect();
        let (stop, stopped) = watch::channel(false);
        let (ends, ended) = watch::channel(());
        let mut org = Org::new(Arc::clone(&integration), Arc::clone(&self.shared), stopped);
        let secrets = org.secrets();
        let supervised = async move {
            // Dropped at the end, however that comes.
            let _ends = ends;
            for mut other in before {
                while other.changed().await.is_ok() {}
            }
            // Ends with the org.
            let _audit = org.audit().map(OrgAudit::start);
            org.supervise().await
        };
        // A task each, so that they run on all cores and none waits for another. Each line of the log names its integration.
        let task = self.tasks.spawn(supervised.instrument(span(&name))).id();
        self.names.insert(task, name);
        Run {
            integration,
            secrets,
            task,
            stop,
            ended,
            error: None,
        }
    }

    /// One has ended.
    fn ended(
        &mut self,
        ended: std::result::Result<(Id, OrgReport), JoinError>,
        left: &impl Fn(&str),
    ) {
        let (task, org) = ended.unwrap_or_else(|error| {
            let fault = "a fault of the program ended it";
            let task = error.id();
            let error = Error::new(ErrorKind::UnexpectedResponse, fault).with_source(error);
            let org = OrgReport {
                summary: Summary::default(),
                handed_back: 0,
                error: Some(error),
            };
            (task, org)
        });
        self.report.summary += org.summary;
        let name = self.names.remove(&task).unwrap_or_default();
        self.leaving.retain(|run| run.task != task);
        match self.wanted.iter_mut().find(|run| run.task == task) {
            Some(run) => {
                self.report.handed_back += org.handed_back;
                run.error = org.error;
            }
            // Its events are read by its successor, or nobody wants them any more: neither is an end of the program.
            None => {
                // Several of one name may leave, after as many changes of the file: the last one says it.
                let mut others = self.wanted.iter().chain(&self.leaving);
                let is_gone = !others.any(|run| run.integration.name == name);
                if is_gone {
                    span(&name).in_scope(|| {
                        tracing::info!("the integration has ended: it is not in the file any more")
                    });
                    self.shared.options.admin.forget(&name);
                    left(&name);
                }
            }
        }
    }
}
