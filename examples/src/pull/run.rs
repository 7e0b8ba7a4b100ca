//! A run with one org.

use std::sync::Arc;

use okta_coralogix_core::checkpoint::{CheckpointStore, FileCheckpoint};
use okta_coralogix_core::dead_letter::DeadLetters;
use okta_coralogix_core::sink::NdjsonSink;
use okta_coralogix_core::testing::MemoryCheckpoint;
use okta_coralogix_core::{Error, ErrorKind, LogSink, Pipeline, Result, Summary};
use okta_source::OktaSource;

use super::check::{check, passed};
use super::logged_dead_letters::LoggedDeadLetters;
use super::settings::{Mode, OrgSettings};
use crate::program::admin::Admin;
use crate::program::args::in_setting;
use crate::program::metrics::{Monitor, SourceKind};
use crate::program::pipeline::{configure, open_dead_letters};
use crate::program::progress::Progress;
use crate::program::{ExitStatus, signals};

pub(super) async fn run(settings: OrgSettings, progress: Progress) -> Result<ExitStatus> {
    let shutdown = signals::shutdown()?;
    if let Mode::Check(sink) = settings.mode {
        let failed = tokio::select! {
            failed = check(settings.source, &sink) => failed,
            () = shutdown => return Ok(ExitStatus::Done(Summary::default())),
        };
        let Some((_, kind)) = failed.first() else {
            return Ok(passed());
        };
        let names: Vec<_> = failed.iter().map(|(name, _)| *name).collect();
        let names = names.join(" and ");
        let detail = format!("the check failed at {names}, for the reason above");
        let error = Error::new(*kind, detail);
        return Ok(ExitStatus::Failed(error, Summary::default()));
    }
    let letters = match &settings.mode {
        Mode::DryRun => None,
        Mode::Send(_) | Mode::Check(_) => Some(settings.dead_letters.clone()),
    };
    let admin = Admin::start(settings.admin.clone(), letters)?;
    let monitor = admin.monitor(&settings.name, SourceKind::Pull);
    let pipeline = open(settings, &progress, &monitor).await?;
    let ended = pipeline.run(shutdown).await;
    progress.finish();
    Ok(ended.into())
}

async fn open(
    settings: OrgSettings,
    progress: &Progress,
    monitor: &Monitor,
) -> Result<Pipeline<OktaSource>> {
    let named = in_setting("--checkpoint");
    let checkpoint: Arc<dyn CheckpointStore>;
    let dead_letters: Arc<dyn DeadLetters>;
    let sink: Arc<dyn LogSink>;
    match settings.mode {
        Mode::Send(coralogix) | Mode::Check(coralogix) => {
            let opened = FileCheckpoint::open(&settings.checkpoint).await;
            checkpoint = Arc::new(opened.map_err(&named)?);
            dead_letters = Arc::new(open_dead_letters(&settings.dead_letters).await?);
            sink = Arc::new(coralogix);
        }
        Mode::DryRun => {
            checkpoint = Arc::new(MemoryCheckpoint::default());
            dead_letters = Arc::new(LoggedDeadLetters);
            sink = Arc::new(NdjsonSink::stdout());
        }
    }
    let opened = settings.source.checkpoint(checkpoint).open().await;
    let source = opened.map_err(|error| match error.kind() {
        ErrorKind::Corrupt | ErrorKind::Storage => named(error),
        _ => error,
    })?;
    let pipeline = Pipeline::builder(source, sink)
        .mapping(settings.mapping)
        .dead_letters(dead_letters);
    let observer = (progress.observer(), monitor.clone());
    let pipeline = configure(pipeline, observer, settings.faults, settings.once).build()?;
    monitor.attach(pipeline.handle());
    Ok(pipeline)
}
