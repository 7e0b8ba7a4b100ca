//! A real run.

use std::time::Duration;

use eventbridge_source::Intake;
use eventbridge_source::sqs::{Returned, SqsSource, client_from_env};
use okta_coralogix_core::backoff::{Backoff, BackoffPolicy};
use okta_coralogix_core::dead_letter::FileDeadLetters;
use okta_coralogix_core::{Error, ErrorKind, Pipeline, Result, Summary};
use tokio::time::{sleep, timeout};

use super::Settings;
use crate::program::ExitStatus;
use crate::program::progress::Progress;
use crate::program::signals;

/// How long what is in flight may take after a signal.
const DRAIN: Duration = Duration::from_secs(20);

/// How long the queue may take to hear what it gets back.
const RETURN: Duration = Duration::from_secs(5);

pub(super) async fn run(settings: Settings) -> ExitStatus {
    let progress = Progress::on_stderr();
    progress.take_the_log();
    let mut shutdown = match signals::shutdown() {
        Ok(shutdown) => Box::pin(shutdown),
        Err(error) => return ExitStatus::WrongSetting(error),
    };
    let opened = tokio::select! {
        opened = open(settings, progress.clone()) => opened,
        () = &mut shutdown => return ExitStatus::Done(Summary::default()),
    };
    let (pipeline, returned) = match opened {
        Ok(opened) => opened,
        Err(error) if is_a_setting(error.kind()) => return ExitStatus::WrongSetting(error),
        Err(error) => return ExitStatus::Failed(error, Summary::default()),
    };
    let ended = pipeline.run(shutdown).await;
    if timeout(RETURN, returned.wait()).await.is_err() {
        tracing::warn!(
            "not everything was given back: the rest comes back when its visibility runs out"
        );
    }
    progress.finish();
    match ended {
        Ok(summary) => ExitStatus::Done(summary),
        Err(failed) => ExitStatus::Failed(failed.error, failed.summary),
    }
}

/// What is wrong on this machine, before anything was asked of anybody.
fn is_a_setting(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Config | ErrorKind::Storage | ErrorKind::Locked
    )
}

async fn open(settings: Settings, progress: Progress) -> Result<(Pipeline<SqsSource>, Returned)> {
    let Settings {
        queue_url,
        once,
        shared,
    } = settings;
    let dead_letters = FileDeadLetters::open(&shared.dead_letters)
        .await
        .map_err(|error| Error::new(error.kind(), format!("--dead-letters: {error}")))?;
    let source = source(&queue_url, &shared.intake, once).await?;
    let returned = source.returned();
    let is_fifo = source.facts().is_fifo;
    let pipeline = Pipeline::builder(source, shared.sink)
        .mapping(shared.mapping)
        .dead_letters(dead_letters)
        .observer(progress)
        .drain_timeout(DRAIN);
    let pipeline = match once {
        Some(time) => pipeline.give_up_after(time),
        None => pipeline,
    };
    // One request at a time keeps the order of a group.
    let pipeline = match is_fifo {
        true => pipeline.max_in_flight_requests(1),
        false => pipeline,
    };
    Ok((pipeline.build()?, returned))
}

/// Opens the queue, as often as it takes; with `once` for as long as it may take.
async fn source(queue_url: &str, intake: &Intake, once: Option<Duration>) -> Result<SqsSource> {
    let client = client_from_env(queue_url).await?;
    let open = async {
        let mut backoff = Backoff::new(BackoffPolicy::default(), u64::from(std::process::id()));
        loop {
            let builder = SqsSource::builder().client(client.clone(), queue_url);
            let builder = builder.intake(intake.clone()).once(once.is_some());
            let error = match builder.open().await {
                Ok(source) => return Ok(source),
                Err(error) => error,
            };
            match backoff.next(error.retry()) {
                Some(wait) => {
                    tracing::warn!(%error, ?wait, "the queue cannot be opened and is asked again");
                    sleep(wait).await;
                }
                None => return Err(error),
            }
        }
    };
    match once {
        None => open.await,
        Some(time) => timeout(time, open).await.unwrap_or_else(|_| {
            let detail = format!("gave up: the queue could not be opened for {time:?}");
            Err(Error::new(ErrorKind::GaveUp, detail))
        }),
    }
}
