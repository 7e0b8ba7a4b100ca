//! All integrations, side by side.

use std::sync::Arc;
use std::time::Duration;

use okta_coralogix_core::dead_letter::DeadLetters;
use okta_coralogix_core::observe::Observer;
use okta_coralogix_core::{Clock, Error, Summary};

use super::{Integration, Rehearsal, Running, SharedLogs};
use crate::program::admin::Admin;

/// The options of all integrations of a run.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Set: each one stops when it has caught up, and gives up after this long without progress.
    pub once: Option<Duration>,
    /// The host's clock.
    pub clock: Arc<dyn Clock>,
    /// Watches each of them.
    pub admin: Arc<Admin>,
    /// Set: nothing is sent, and no position kept.
    pub dry_run: Option<Arc<dyn Rehearsal>>,
    /// Set: replicas share the positions, and one of them at a time reads a log. The files of positions are not used then.
    pub shared_logs: Option<SharedLogs>,
}

/// The result of all integrations.
#[derive(Debug, Default)]
pub struct RunReport {
    /// The sums of all runs of all of them.
    pub summary: Summary,
    /// Events that were handed back since the shutdown.
    pub handed_back: u64,
    /// How many integrations there were at the end.
    pub integrations: usize,
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
    let running = Running::start(integrations, options, dead_letters, observer);
    running.run(shutdown, std::future::pending, |_| {}).await
}
