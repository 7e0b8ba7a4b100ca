//! A real run.

use std::sync::Arc;
use std::time::Duration;

use okta_coralogix_core::checkpoint::{CheckpointStore, FileCheckpoint};
use okta_coralogix_core::dead_letter::FileDeadLetters;
use okta_coralogix_core::pipeline::PipelineBuilder;
use okta_coralogix_core::sink::NdjsonSink;
use okta_coralogix_core::testing::MemoryCheckpoint;
use okta_coralogix_core::{Error, ErrorKind, LogSink, Pipeline, Result, Summary};
use okta_source::{OktaSource, OktaSourceBuilder};

use super::{Mode, Settings};
use crate::dead_letters::SaidDeadLetters;
use crate::program::ExitStatus;
use crate::program::progress::Progress;
use crate::program::signals;

/// How long what is in flight may take after a signal.
pub(super) const DRAIN: Duration = Duration::from_secs(20);

pub(super) async fn run(settings: Settings) -> ExitStatus {
    let progress = Progress::on_stderr();
    progress.take_the_log();
    let shutdown = match signals::shutdown() {
        Ok(shutdown) => shutdown,
        Err(error) => return ExitStatus::WrongSetting(error),
    };
    if settings.mode == Mode::Check {
        return tokio::select! {
            end = check(settings) => end,
            () = shutdown => ExitStatus::Done(Summary::default()),
        };
    }
    let pipeline = match open(settings, progress.clone()).await {
        Ok(pipeline) => pipeline,
        Err(error) => return ExitStatus::WrongSetting(error),
    };
    let ended = pipeline.run(shutdown).await;
    progress.finish();
    match ended {
        Ok(summary) => ExitStatus::Done(summary),
        Err(failed) => ExitStatus::Failed(failed.error, failed.summary),
    }
}

fn source(settings: &Settings) -> OktaSourceBuilder {
    OktaSource::builder()
        .org_url(&settings.org)
        .credentials(settings.credentials.clone())
        .since(settings.since)
        .poll_interval(settings.poll_interval)
        .once(settings.once.is_some())
}

async fn open(settings: Settings, progress: Progress) -> Result<Pipeline<OktaSource>> {
    let dry = settings.mode == Mode::DryRun;
    let checkpoint: Arc<dyn CheckpointStore> = match dry {
        true => Arc::new(MemoryCheckpoint::default()),
        false => Arc::new(
            FileCheckpoint::open(&settings.checkpoint)
                .await
                .map_err(in_setting("--checkpoint"))?,
        ),
    };
    let opened = source(&settings).checkpoint(checkpoint).open().await;
    let source = opened.map_err(|error| match error.kind() {
        ErrorKind::Corrupt | ErrorKind::Storage => in_setting("--checkpoint")(error),
        _ => error,
    })?;
    let sink: Arc<dyn LogSink> = match settings.sink {
        Some(sink) => Arc::new(sink),
        None => Arc::new(NdjsonSink::stdout()),
    };
    let pipeline: PipelineBuilder<OktaSource> = Pipeline::builder(source, sink)
        .mapping(settings.mapping)
        .observer(progress)
        .drain_timeout(DRAIN);
    let pipeline = match dry {
        true => pipeline.dead_letters(SaidDeadLetters),
        false => pipeline.dead_letters(
            FileDeadLetters::open(&settings.dead_letters)
                .await
                .map_err(in_setting("--dead-letters"))?,
        ),
    };
    match settings.once {
        Some(time) => pipeline.give_up_after(time).build(),
        None => pipeline.build(),
    }
}

/// Puts the setting's name in front of an error.
fn in_setting(name: &str) -> impl Fn(Error) -> Error {
    move |error| Error::new(error.kind(), format!("{name}: {error}"))
}

/// Asks both ends and says what each answered.
async fn check(settings: Settings) -> ExitStatus {
    let okta = source(&settings).check().await;
    let coralogix = match &settings.sink {
        Some(sink) => sink.check().await,
        None => Ok(()),
    };
    let mut failed = Vec::new();
    for (end, answer) in [("Okta", okta), ("Coralogix", coralogix)] {
        match answer {
            Ok(()) => tracing::info!("{end}: reachable, and the credential is accepted"),
            Err(error) => {
                tracing::error!("{end}: {error}");
                failed.push((end, error.kind()));
            }
        }
    }
    let Some((_, kind)) = failed.first() else {
        return ExitStatus::Done(Summary::default());
    };
    let ends: Vec<_> = failed.iter().map(|(end, _)| *end).collect();
    let error = Error::new(
        *kind,
        format!(
            "the check failed at {}, for the reason above",
            ends.join(" and ")
        ),
    );
    ExitStatus::Failed(error, Summary::default())
}
