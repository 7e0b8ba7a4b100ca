//! A function: the runtime that AWS keeps, around the handler.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use eventbridge_source::lambda::{LambdaHandler, Reply};
use lambda_runtime::{LambdaEvent, service_fn};
use okta_coralogix_core::{Clock, Error, ErrorKind, Pipeline, Result, Summary, SystemClock};
use serde_json::value::RawValue;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::Settings;
use super::dead_letters::FunctionDeadLetters;
use crate::program::ExitStatus;
use crate::program::progress::Progress;
use crate::program::signals;

/// How long what is on its way at the end of an invocation may take in the next ones.
const DRAIN: Duration = Duration::from_secs(20);

/// The runtime posts the answer after the handler has given it.
const POST: Duration = Duration::from_millis(200);

pub(super) async fn run(settings: Settings) -> ExitStatus {
    let progress = Progress::on_stderr();
    progress.take_the_log();
    let shutdown = match signals::shutdown() {
        Ok(shutdown) => shutdown,
        Err(error) => return ExitStatus::WrongSetting(error),
    };
    let handler = match handler(settings, progress.clone()).await {
        Ok(handler) => Arc::new(handler),
        Err(error) => return ExitStatus::WrongSetting(error),
    };
    let (busy, mut idle) = watch::channel(false);
    let service = service_fn(|event: LambdaEvent<Box<RawValue>>| {
        let (handler, busy) = (Arc::clone(&handler), &busy);
        async move {
            busy.send_replace(true);
            let handled = invoke(&handler, event).await;
            busy.send_replace(false);
            handled.map_err(lambda_runtime::Error::from)
        }
    });
    let ended = tokio::select! {
        ended = lambda_runtime::run(service) => ended,
        () = async {
            shutdown.await;
            drop(idle.wait_for(|busy| !*busy).await);
            sleep(POST).await;
        } => Ok(()),
    };
    let summary: Summary = handler.finish().await;
    progress.finish();
    match ended {
        Ok(()) => ExitStatus::Done(summary),
        Err(error) => {
            let detail = "the Lambda runtime ended";
            ExitStatus::Failed(
                Error::new(ErrorKind::Network, detail).with_source(error),
                summary,
            )
        }
    }
}

async fn handler(settings: Settings, progress: Progress) -> Result<LambdaHandler> {
    let shared = settings.shared;
    let dead_letters = FunctionDeadLetters::open(&shared.dead_letters).await?;
    let (sink, mapping) = (Arc::new(shared.sink), Arc::new(shared.mapping));
    let handler = LambdaHandler::builder(move |source| {
        Pipeline::builder(source, Arc::clone(&sink))
            .mapping(Arc::clone(&mapping))
            .dead_letters(dead_letters.clone())
            .observer(progress.clone())
            .linger(Duration::ZERO)
            .drain_timeout(DRAIN)
            .build()
    });
    Ok(handler.intake(shared.intake).build())
}

async fn invoke(handler: &LambdaHandler, event: LambdaEvent<Box<RawValue>>) -> Result<Reply> {
    let deadline = event.context.deadline();
    let now = SystemClock.now().timestamp_millis();
    let left = deadline
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_millis())
        .saturating_sub(u128::try_from(now).unwrap_or(0));
    let left = Duration::from_millis(u64::try_from(left).unwrap_or(u64::MAX));
    let payload = Bytes::from(String::from(Box::<str>::from(event.payload)));
    handler.handle(payload, Instant::now() + left).await
}
