//! A run that listens for events.

use std::sync::Arc;
use std::time::Duration;

use coralogix_sink::CoralogixSink;
use eventbridge_source::http::HttpSource;
use futures::FutureExt;
use futures::future::BoxFuture;
use okta_coralogix_core::{Error, Pipeline, Result, Summary};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::settings::Settings;
use super::stopped;
use crate::program::admin::Admin;
use crate::program::metrics::{Monitor, SourceKind};
use crate::program::pipeline::{configure, open_dead_letters};
use crate::program::progress::Progress;
use crate::program::{ExitStatus, signals};

/// How long events in flight may take after a signal: longer than EventBridge waits for an answer.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(6);

pub(super) async fn run(settings: Settings, progress: Progress) -> Result<ExitStatus> {
    let shutdown = signals::shutdown()?;
    let letters = settings.route.dead_letters.clone();
    let admin = Admin::start(settings.watch.admin.clone(), Some(letters))?;
    let monitor = admin.monitor(&settings.watch.name, SourceKind::EventBridge);
    let opened = Opened::open(settings, &progress, &monitor).await?;
    let status = opened.run(shutdown).await;
    progress.finish();
    Ok(status)
}

/// The open parts of a run that has not started.
struct Opened {
    sink: Arc<CoralogixSink>,
    server: BoxFuture<'static, ()>,
    pipeline: Pipeline<HttpSource>,
    stop: watch::Sender<bool>,
    address: String,
}

impl Opened {
    async fn open(settings: Settings, progress: &Progress, monitor: &Monitor) -> Result<Self> {
        let Settings {
            listen,
            source,
            route,
            watch,
        } = settings;
        let sink = Arc::new(route.sink);
        let asked = Arc::clone(&sink);
        let source = source
            .sink_check(move || {
                let sink = Arc::clone(&asked);
                async move { sink.check().await }
            })
            .build()?;
        let dead_letters = open_dead_letters(&route.dead_letters).await?;
        let unusable = |error: std::io::Error| {
            let advice = "write an address and a free port, such as 127.0.0.1:8080";
            let detail = format!("cannot listen on {listen:?} ({error}); {advice}");
            Error::config("LISTEN", detail)
        };
        let listener = TcpListener::bind(&listen).await.map_err(unusable)?;
        let address = listener.local_addr().map_err(unusable)?.to_string();
        let stop = watch::Sender::new(false);
        let server = source.serve(listener, stopped(stop.subscribe())).boxed();
        monitor.endpoint(source.handle());
        let pipeline = source
            .pipeline(Arc::clone(&sink))
            .name(watch.name)
            .mapping(route.mapping)
            .dead_letters(dead_letters);
        let observer = (progress.observer(), monitor.clone());
        let pipeline = configure(pipeline, observer, route.faults, None);
        let pipeline = pipeline.drain_timeout(DRAIN_TIMEOUT).build()?;
        monitor.attach(pipeline.handle());
        Ok(Self {
            server,
            pipeline,
            sink,
            stop,
            address,
        })
    }

    async fn run(self, shutdown: impl Future<Output = ()>) -> ExitStatus {
        // A key that Coralogix refuses ends the program before EventBridge delivers an event.
        if let Err(error) = self.sink.check().await {
            match error.is_temporary() {
                true => tracing::warn!(%error, "Coralogix cannot be reached yet"),
                false => return ExitStatus::Failed(error, Summary::default()),
            }
        }
        tracing::info!("listening on {}", self.address);
        let server = tokio::spawn(self.server);
        let stop = self.stop.clone();
        let ended = self
            .pipeline
            .run(async move {
                shutdown.await;
                stop.send_replace(true);
            })
            .await;
        // However the pipeline ended, the server answers all requests.
        self.stop.send_replace(true);
        server.await.ok();
        ended.into()
    }
}
