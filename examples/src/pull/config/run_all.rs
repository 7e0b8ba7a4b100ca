//! A pipeline for each integration, side by side.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use okta_coralogix_core::checkpoint::{CheckpointStore, FileCheckpoint};
use okta_coralogix_core::dead_letter::DeadLetters;
use okta_coralogix_core::observe::Observer;
use okta_coralogix_core::pipeline::RunError;
use okta_coralogix_core::{Clock, Error, ErrorKind, Pipeline, Result, Summary};
use okta_source::OktaSource;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::Instrument;

use super::Integration;
use crate::program::args::in_setting;

/// The options of all integrations of a run.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Set: each one stops when it has caught up, and gives up after this long without progress.
    pub once: Option<Duration>,
    /// How long events in flight may take after a signal.
    pub drain_timeout: Duration,
    /// The host's clock.
    pub clock: Arc<dyn Clock>,
}

/// The result of all integrations.
#[derive(Debug)]
pub struct RunReport {
    /// The sums of all of them.
    pub summary: Summary,
    /// Those that ended with an error, by name.
    pub failed: Vec<(String, Error)>,
}

/// Runs all integrations until each has ended, or `shutdown` resolves. An integration that fails is logged and does not end the others.
///
/// # Errors
/// A setting that turns out to be wrong before anything is started: a checkpoint that cannot be opened, for example.
pub async fn run_all<O: Observer + Clone>(
    integrations: Vec<Integration>,
    options: &RunOptions,
    dead_letters: Arc<dyn DeadLetters>,
    observer: O,
    shutdown: impl Future<Output = ()>,
) -> Result<RunReport> {
    let mut opened = Vec::with_capacity(integrations.len());
    for integration in integrations {
        let name = integration.name.clone();
        let pipeline = open(integration, options, &dead_letters, observer.clone()).await;
        let pipeline = pipeline.map_err(in_setting(format!("integration {name:?}")))?;
        opened.push((name, pipeline));
    }
    let stop = watch::Sender::new(false);
    let mut running: FuturesUnordered<_> = opened
        .into_iter()
        .map(|(name, pipeline)| {
            let mut stopped = stop.subscribe();
            // Each line of the log names its integration.
            let span = tracing::info_span!("integration", name);
            let run = pipeline.run(async move {
                drop(stopped.wait_for(|stop| *stop).await);
            });
            // A task each, so that they run on all cores and none waits for another.
            let task = tokio::spawn(run.instrument(span));
            finish(name, task)
        })
        .collect();
    let mut report = RunReport {
        summary: Summary::default(),
        failed: Vec::new(),
    };
    let mut shutdown = std::pin::pin!(shutdown);
    let mut is_stopping = false;
    loop {
        tokio::select! {
            one = running.next() => match one {
                None => return Ok(report),
                Some((name, summary, error)) => report.add(name, summary, error),
            },
            () = &mut shutdown, if !is_stopping => {
                is_stopping = true;
                stop.send_replace(true);
            }
        }
    }
}

/// The summary of a finished task, and the error that ended it early.
async fn finish(
    name: String,
    task: JoinHandle<Result<Summary, RunError>>,
) -> (String, Summary, Option<Error>) {
    match task.await {
        Ok(Ok(summary)) => (name, summary, None),
        Ok(Err(failed)) => (name, failed.summary, Some(failed.error)),
        // A panic in one must not end the others. Its events were not settled.
        Err(broken) => {
            let error = Error::new(
                ErrorKind::UnexpectedResponse,
                "a fault of the program ended it",
            );
            (name, Summary::default(), Some(error.with_source(broken)))
        }
    }
}

impl RunReport {
    fn add(&mut self, name: String, summary: Summary, error: Option<Error>) {
        self.summary += summary;
        if let Some(error) = error {
            tracing::error!(integration = name, %error, "an integration has ended; the others go on");
            self.failed.push((name, error));
        }
    }
}

async fn open(
    integration: Integration,
    options: &RunOptions,
    dead_letters: &Arc<dyn DeadLetters>,
    observer: impl Observer,
) -> Result<Pipeline<OktaSource>> {
    let checkpoint: Arc<dyn CheckpointStore> =
        Arc::new(FileCheckpoint::open(&integration.checkpoint).await?);
    let source = integration
        .source
        .clock(Arc::clone(&options.clock))
        .once(options.once.is_some())
        .checkpoint(checkpoint)
        .open()
        .await?;
    let pipeline = Pipeline::builder(source, integration.sink)
        .mapping(integration.mapping)
        .clock(Arc::clone(&options.clock))
        .dead_letters(Arc::clone(dead_letters))
        .observer(observer)
        .drain_timeout(options.drain_timeout);
    match options.once {
        Some(time) => pipeline.give_up_after(time).build(),
        None => pipeline.build(),
    }
}
