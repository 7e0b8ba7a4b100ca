//! All integrations, side by side.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use okta_coralogix_core::dead_letter::DeadLetters;
use okta_coralogix_core::filter::AgePolicy;
use okta_coralogix_core::observe::Observer;
use okta_coralogix_core::{Clock, Error, ErrorKind, Summary};
use tokio::sync::{Semaphore, watch};
use tracing::Instrument;

use super::Integration;
use super::org::{Org, OrgReport, Shared};
use crate::program::FaultTimeouts;
use crate::program::admin::Admin;
use crate::program::start::span;
use crate::pull::dry_run::DryRun;

/// How many orgs may be opened at a time: each one takes descriptors, a TLS handshake and perhaps a page of its backlog.
const OPENING: usize = 32;

/// The options of all integrations of a run.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Set: each one stops when it has caught up, and gives up after this long without progress.
    pub once: Option<Duration>,
    /// How long events in flight may take after a signal.
    pub drain_timeout: Duration,
    /// How long faults are waited for.
    pub faults: FaultTimeouts,
    /// For events that are too old, of integrations that do not say it themselves.
    pub too_old: AgePolicy,
    /// The host's clock.
    pub clock: Arc<dyn Clock>,
    /// Watches each of them.
    pub admin: Arc<Admin>,
    /// Set: nothing is sent, and no position kept.
    pub dry_run: Option<DryRun>,
}

/// The result of all integrations.
#[derive(Debug)]
pub struct RunReport {
    /// The sums of all runs of all of them.
    pub summary: Summary,
    /// Events that were handed back since the shutdown.
    pub handed_back: u64,
    /// Those that are down at the end, by name, in the order of the integrations.
    pub failed: Vec<(String, Error)>,
}

/// Runs all integrations until each has ended, or `shutdown` resolves. An integration that fails is opened again, and does not touch the
/// others.
pub async fn run_all<O: Observer + Clone>(
    integrations: Vec<Integration>,
    options: &RunOptions,
    dead_letters: Arc<dyn DeadLetters>,
    observer: O,
    shutdown: impl Future<Output = ()>,
) -> RunReport {
    let (stop, stopped) = watch::channel(false);
    let shared = Arc::new(Shared {
        options: options.clone(),
        dead_letters,
        observer,
        opening: Arc::new(Semaphore::new(OPENING)),
        stop: stopped,
    });
    let orgs = integrations.into_iter().map(|integration| {
        let name = integration.name.clone();
        // Each line of the log names its integration.
        let span = span(&name);
        let org = Org::new(integration, Arc::clone(&shared));
        // A task each, so that they run on all cores and none waits for another.
        let task = tokio::spawn(org.supervise().instrument(span));
        async move { (name, task.await) }
    });
    let mut all = std::pin::pin!(join_all(orgs));
    let ended = tokio::select! {
        ended = &mut all => ended,
        () = shutdown => {
            stop.send_replace(true);
            all.await
        }
    };
    let mut report = RunReport {
        summary: Summary::default(),
        handed_back: 0,
        failed: Vec::new(),
    };
    for (name, org) in ended {
        let org = org.unwrap_or_else(|error| {
            let fault = "a fault of the program ended it";
            let error = Error::new(ErrorKind::UnexpectedResponse, fault).with_source(error);
            OrgReport {
                summary: Summary::default(),
                handed_back: 0,
                error: Some(error),
            }
        });
        report.summary += org.summary;
        report.handed_back += org.handed_back;
        report.failed.extend(org.error.map(|error| (name, error)));
    }
    report
}
