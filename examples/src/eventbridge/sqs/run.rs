//! A run that takes events from a queue.

use std::time::Duration;

use eventbridge_source::BodyParser;
use eventbridge_source::sqs::{DrainHandle, SqsSource, client_from_env};
use okta_coralogix_core::backoff::{Backoff, BackoffPolicy};
use okta_coralogix_core::text::{seconds, with_causes};
use okta_coralogix_core::{Error, ErrorKind, Pipeline, Result, Summary};
use tokio::time::{sleep, timeout};

use super::settings::Settings;
use crate::program::admin::Admin;
use crate::program::metrics::{Monitor, SourceKind};
use crate::program::pipeline::{configure, open_dead_letters};
use crate::program::progress::Progress;
use crate::program::{ExitStatus, signals};

/// How long SQS may take to confirm that unsettled messages are returned to the queue.
const QUEUE_DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) async fn run(settings: Settings, progress: Progress) -> Result<ExitStatus> {
    let mut shutdown = Box::pin(signals::shutdown()?);
    let letters = settings.route.dead_letters.clone();
    let admin = Admin::start(settings.watch.admin.clone(), Some(letters))?;
    let monitor = admin.monitor(&settings.watch.name, SourceKind::EventBridge);
    let opened = tokio::select! {
        opened = open(settings, &progress, &monitor) => opened,
        () = &mut shutdown => return Ok(ExitStatus::Done(Summary::default())),
    };
    let (pipeline, drain) = match opened {
        Ok(opened) => opened,
        Err(error) if is_a_setting(error.kind()) => return Err(error),
        Err(error) => return Ok(ExitStatus::Failed(error, Summary::default())),
    };
    let ended = pipeline.run(shutdown).await;
    if timeout(QUEUE_DRAIN_TIMEOUT, drain.wait()).await.is_err() {
        tracing::warn!(
            "not all messages were handed back: SQS shows the rest again when their visibility timeout expires"
        );
    }
    progress.finish();
    Ok(ended.into())
}

/// A fault of this machine, which is seen before SQS is asked.
fn is_a_setting(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Config | ErrorKind::Storage | ErrorKind::Locked
    )
}

async fn open(
    settings: Settings,
    progress: &Progress,
    monitor: &Monitor,
) -> Result<(Pipeline<SqsSource>, DrainHandle)> {
    let Settings {
        queue_url,
        once,
        route,
        watch,
    } = settings;
    let dead_letters = open_dead_letters(&route.dead_letters).await?;
    let source = source(&queue_url, &route.body_parser, once).await?;
    let drain = source.drain_handle();
    let is_fifo = source.attributes().is_fifo;
    let pipeline = Pipeline::builder(source, route.sink)
        .name(watch.name)
        .mapping(route.mapping)
        .dead_letters(dead_letters);
    let observer = (progress.observer(), monitor.clone());
    let pipeline = configure(pipeline, observer, route.faults, once);
    // One request at a time keeps the order of a group.
    let pipeline = match is_fifo {
        true => pipeline.max_in_flight_requests(1),
        false => pipeline,
    };
    let pipeline = pipeline.build()?;
    monitor.attach(pipeline.handle());
    Ok((pipeline, drain))
}

/// Opens the queue, with as many attempts as it takes; with `once` for at most that long.
async fn source(
    queue_url: &str,
    body_parser: &BodyParser,
    once: Option<Duration>,
) -> Result<SqsSource> {
    let client = client_from_env(queue_url).await?;
    let mut last_fault = "there is no answer".to_owned();
    let open = async {
        let mut backoff = Backoff::new(BackoffPolicy::default(), u64::from(std::process::id()));
        loop {
            let builder = SqsSource::builder().client(client.clone(), queue_url);
            let builder = builder
                .body_parser(body_parser.clone())
                .once(once.is_some());
            let error = match builder.open().await {
                Ok(source) => return Ok(source),
                Err(error) => error,
            };
            match backoff.next(error.retry()) {
                Some(wait) => {
                    last_fault = with_causes(&error);
                    let retry_in = seconds(wait);
                    tracing::warn!(error = %last_fault, %retry_in, "the queue cannot be opened; trying again");
                    sleep(wait).await;
                }
                None => return Err(error),
            }
        }
    };
    match once {
        None => open.await,
        Some(time) => timeout(time, open).await.unwrap_or_else(|_| {
            let detail = format!(
                "gave up: the queue could not be opened for {}; the last fault: {last_fault}",
                seconds(time)
            );
            Err(Error::new(ErrorKind::GaveUp, detail))
        }),
    }
}
