//! A run as a function: AWS's runtime calls the handler.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use eventbridge_source::lambda::{LambdaHandler, LambdaHandlerBuilder, Reply};
use lambda_runtime::{LambdaEvent, service_fn};
use okta_coralogix_core::dead_letter::DeadLetters;
use okta_coralogix_core::sink::SinkState;
use okta_coralogix_core::{Clock, Error, ErrorKind, LogSink, Pipeline, Result, SystemClock};
use serde_json::value::RawValue;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::error_type::diagnostic;
use super::settings::Settings;
use crate::program::pipeline::configure;
use crate::program::progress::Progress;
use crate::program::start::{Start, span};
use crate::program::{ExitStatus, ProgramDeadLetters, signals};

/// The runtime posts the answer after the handler has given it.
const POST_DELAY: Duration = Duration::from_millis(200);

pub(super) async fn run(settings: Settings, progress: Progress) -> Result<ExitStatus> {
    let shutdown = signals::shutdown()?;
    let handler = Arc::new(handler(settings, &progress).await?);
    let (busy, mut idle) = watch::channel(false);
    let service = service_fn(|event: LambdaEvent<Box<RawValue>>| {
        let (handler, busy) = (Arc::clone(&handler), &busy);
        async move {
            busy.send_replace(true);
            let handled = invoke(&handler, event).await;
            busy.send_replace(false);
            handled.map_err(|error| {
                let report = diagnostic(&error);
                tracing::error!(error_type = %report.error_type, error = %report.error_message, "the invocation failed");
                report
            })
        }
    });
    let ended = tokio::select! {
        ended = lambda_runtime::run(service) => ended,
        () = async {
            shutdown.await;
            drop(idle.wait_for(|busy| !*busy).await);
            sleep(POST_DELAY).await;
        } => Ok(()),
    };
    // What was handed back before is given again by Lambda.
    let before = handler.summary().handed_back;
    let summary = handler.finish().await;
    let handed_back = summary.handed_back - before;
    progress.finish();
    let detail = "the Lambda runtime ended";
    let error = ended.map_err(|error| Error::new(ErrorKind::Network, format!("{detail}: {error}")));
    Ok(ExitStatus::of_run(summary, error.err()).after_stop(handed_back))
}

async fn handler(settings: Settings, progress: &Progress) -> Result<LambdaHandler> {
    let Settings { route, keys } = settings;
    let dead_letters = ProgramDeadLetters::open(&route.pipeline).await?;
    let (sink, mapping) = (Arc::new(route.sink), Arc::new(route.mapping));
    let observer = progress.observer();
    let sink_state = SinkState::default();
    let location = PathBuf::from(dead_letters.location());
    let start = Start {
        source: "invocations",
        target: &sink.address(),
        proxy: route.proxy.as_deref(),
        resumes: "at the next invocation",
        dead_letters: Some(&location),
        ..Start::default()
    };
    span("lambda").in_scope(|| start.log());
    let mut settings = route.pipeline.options;
    settings.faults = settings.faults.without_refusal_wait();
    let handler = LambdaHandler::builder(move |source| {
        // After an invocation's deadline the events in flight have the drain timeout in the next ones.
        let pipeline = Pipeline::builder(source, Arc::clone(&sink))
            .mapping(Arc::clone(&mapping))
            .dead_letters(dead_letters.clone())
            .sink_state(sink_state.clone())
            .linger(Duration::ZERO);
        // The next invocation tries a refused key again; this one must not spend its time on waiting.
        configure(pipeline, observer.clone(), &settings, None).build()
    });
    let handler = keys
        .into_iter()
        .fold(handler, LambdaHandlerBuilder::api_key);
    Ok(handler.body_parser(route.body_parser).build())
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
    handler
        .handle(payload, (Instant::now() + left).into_std())
        .await
}
