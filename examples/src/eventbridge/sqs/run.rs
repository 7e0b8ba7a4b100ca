//! A run that takes events from a queue.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use eventbridge_source::sqs::{AwsQueue, DrainHandle, SqsSource};
use okta_coralogix_core::dead_letter::DeadLetters;
use okta_coralogix_core::{ErrorKind, LogSink, Pipeline, Result, Summary, SystemClock};
use tokio::sync::watch;
use tokio::time::timeout;

use super::first_messages::FirstMessages;
use super::proxy_of;
use super::settings::Settings;
use super::start::{check_coralogix, persist};
use crate::eventbridge::healing::{Healing, Parts};
use crate::eventbridge::settings::RouteSettings;
use crate::program::admin::Admin;
use crate::program::metrics::{Monitor, SourceKind};
use crate::program::pipeline::{self, configure};
use crate::program::progress::Progress;
use crate::program::start::{Start, span};
use crate::program::{ExitStatus, ProgramDeadLetters, signals};

/// How long SQS may take to confirm that unsettled messages are returned to the queue.
const QUEUE_DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) async fn run(mut settings: Settings, progress: Progress) -> Result<ExitStatus> {
    let mut shutdown = Box::pin(signals::shutdown()?);
    let letters = settings.route.pipeline.dead_letters_file();
    let admin = Admin::start(settings.watch.admin.clone(), letters)?;
    let monitor = admin.monitor(&settings.watch.name, SourceKind::EventBridge);
    let audit = settings.audit.take();
    let audit = audit.map(|audit| audit.prepare(&settings.watch.name, &settings.route));
    let healed = admin.healing_monitor(&settings.watch.name, settings.watch.heal.is_some());
    let opened = tokio::select! {
        opened = open(settings, &progress, &monitor, healed) => opened,
        () = &mut shutdown => return Ok(ExitStatus::Done(Summary::default())),
    };
    let (pipeline, drain, healing) = match opened {
        Ok(opened) => opened,
        Err(error) if is_a_setting(error.kind()) => return Err(error),
        Err(error) => return Ok(ExitStatus::Failed(error, Summary::default())),
    };
    let auditor = audit.map(|audit| audit.start(&monitor));
    let stop = watch::Sender::new(false);
    let healing = healing.map(|(healing, parts)| healing.start(parts, stop.subscribe()));
    let stopping = stop.clone();
    let shutdown = async move {
        shutdown.await;
        stopping.send_replace(true);
    };
    let status = pipeline::run(pipeline, shutdown).await;
    // However the pipeline ended.
    stop.send_replace(true);
    let status = match healing {
        Some(healing) => healing.finish(status).await,
        None => status,
    };
    drop(auditor);
    if timeout(QUEUE_DRAIN_TIMEOUT, drain.wait()).await.is_err() {
        tracing::warn!(
            "not all messages were handed back: SQS shows the rest again when their visibility timeout expires"
        );
    }
    progress.finish();
    Ok(status)
}

type Queue = FirstMessages<SqsSource, SystemClock>;

/// A fault of this machine, which is seen before SQS is asked.
fn is_a_setting(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Config | ErrorKind::Storage | ErrorKind::Locked
    )
}

/// Opens everything before the first receive: what is wrong then uses up no receive of a message.
async fn open(
    settings: Settings,
    progress: &Progress,
    monitor: &Monitor,
    healed: Monitor,
) -> Result<(Pipeline<Queue>, DrainHandle, Option<(Healing, Parts)>)> {
    let Settings {
        queue_url,
        once,
        route,
        watch,
        audit: _,
    } = settings;
    let dead_letters = ProgramDeadLetters::open(&route.pipeline).await?;
    let location = PathBuf::from(dead_letters.location());
    check_coralogix(&route.sink, route.pipeline.options.faults, once).await?;
    let (source, source_proxy) = source(&queue_url, &route, once).await?;
    let drain = source.drain_handle();
    let is_fifo = source.attributes().is_fifo;
    let sink = Arc::new(route.sink);
    let mapping = Arc::new(route.mapping);
    let start = Start {
        source: &queue_url,
        source_proxy: source_proxy.as_deref(),
        target: &sink.address(),
        proxy: route.proxy.as_deref(),
        resumes: "at the messages that are in the queue",
        dead_letters: Some(&location),
        ..Start::default()
    };
    span(&watch.name).in_scope(|| start.log());
    let is_policy_given = route.pipeline.options.too_old.is_some();
    let source = FirstMessages::new(source, SystemClock, !is_policy_given);
    let healing = match watch.heal {
        Some(heal) => Some(Healing::open(heal, healed).await?),
        None => None,
    };
    let pipeline = Pipeline::builder(source, Arc::clone(&sink))
        .name(&watch.name)
        .mapping(Arc::clone(&mapping))
        .dead_letters(dead_letters.clone());
    let pipeline = match &healing {
        Some(healing) => pipeline.dedup_window(healing.window()),
        None => pipeline,
    };
    let observer = (progress.observer(), monitor.clone());
    let pipeline = configure(pipeline, observer, &route.pipeline.options, once);
    // One request at a time keeps the order of a group.
    let pipeline = match is_fifo {
        true => pipeline.max_in_flight_requests(1),
        false => pipeline,
    };
    let pipeline = Healing::abandon_unless(healing.as_ref(), pipeline.build()).await?;
    monitor.attach(pipeline.handle());
    let parts = Parts {
        name: watch.name,
        sink,
        mapping,
        dead_letters,
        options: route.pipeline.options,
        progress: progress.clone(),
    };
    Ok((pipeline, drain, healing.map(|healing| (healing, parts))))
}

/// The queue, with attributes that could be read and messages that may be deleted; and the proxy on the way to it.
async fn source(
    queue_url: &str,
    route: &RouteSettings,
    once: Option<Duration>,
) -> Result<(SqsSource, Option<String>)> {
    let connect = || AwsQueue::from_env_with(queue_url, route.network.transports());
    let queue = persist("the AWS credentials", once, connect).await?;
    let open = || async {
        let builder = SqsSource::builder().queue(queue.clone());
        let builder = builder
            .body_parser(route.body_parser.clone())
            .once(once.is_some());
        let source = builder.open().await?;
        queue.check_permissions().await?;
        Ok(source)
    };
    let source = persist("the queue", once, open).await?;
    let proxy = proxy_of(&queue, &route.network).map(Into::into);
    Ok((source, proxy))
}
