//! A run with one org.

use std::path::PathBuf;
use std::sync::Arc;

use okta_coralogix_core::checkpoint::{CheckpointStore, FileCheckpoint};
use okta_coralogix_core::dead_letter::DeadLetters;
use okta_coralogix_core::sink::NdjsonSink;
use okta_coralogix_core::testing::MemoryCheckpoint;
use okta_coralogix_core::{
    Clock, Error, ErrorKind, EventSource, LogSink, Pipeline, Result, Summary, SystemClock,
};
use okta_source::OktaSource;

use super::check::{check, passed};
use super::config::Beginning;
use super::logged_dead_letters::LoggedDeadLetters;
use super::settings::{Mode, OrgSettings};
use crate::program::admin::Admin;
use crate::program::args::in_setting;
use crate::program::metrics::{Monitor, SourceKind};
use crate::program::pipeline::{self, configure};
use crate::program::progress::Progress;
use crate::program::start::span;
use crate::program::{ExitStatus, ProgramDeadLetters, signals};

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
        Mode::Send(_) | Mode::Check(_) => settings.pipeline.dead_letters_file(),
    };
    let admin = Admin::start(settings.admin.clone(), letters)?;
    let monitor = admin.monitor(&settings.name, SourceKind::Pull);
    let pipeline = open(settings, &progress, &monitor).await?;
    let status = pipeline::run(pipeline, shutdown).await;
    progress.finish();
    Ok(status)
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
    // None in a dry run.
    let mut files = None;
    match settings.mode {
        Mode::Send(coralogix) | Mode::Check(coralogix) => {
            let opened = FileCheckpoint::open(&settings.checkpoint).await;
            checkpoint = Arc::new(opened.map_err(&named)?);
            let letters = ProgramDeadLetters::open(&settings.pipeline.dead_letters).await?;
            files = Some((
                settings.checkpoint.clone(),
                PathBuf::from(letters.location()),
            ));
            dead_letters = Arc::new(letters);
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
    let (checkpoint, letters) = files
        .as_ref()
        .map_or((None, None), |(checkpoint, letters)| {
            (Some(checkpoint.as_path()), Some(letters.as_path()))
        });
    let beginning = Beginning {
        since: settings.since.as_deref(),
        too_old: settings.pipeline.too_old.unwrap_or_default(),
        keep: ["--too-old dead-letter", "--too-old restamp"],
        proxy: settings.proxy.as_deref(),
        checkpoint,
        dead_letters: letters,
    };
    let name = source.name().to_owned();
    span(&name).in_scope(|| {
        beginning.log(&source, &settings.org, &*sink, SystemClock.now());
    });
    if settings.once.is_some() {
        progress.expect_end();
    }
    let pipeline = Pipeline::builder(source, sink)
        .name(name)
        .mapping(settings.mapping)
        .dead_letters(dead_letters);
    let observer = (progress.observer(), monitor.clone());
    let pipeline = configure(pipeline, observer, &settings.pipeline, settings.once).build()?;
    monitor.attach(pipeline.handle());
    Ok(pipeline)
}
