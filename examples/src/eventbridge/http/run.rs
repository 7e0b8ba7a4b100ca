//! A run that listens for events.

use std::path::PathBuf;
use std::sync::Arc;

use coralogix_sink::CoralogixSink;
use eventbridge_source::http::HttpSource;
use futures::FutureExt;
use futures::future::BoxFuture;
use okta_coralogix_core::dead_letter::DeadLetters;
use okta_coralogix_core::{Pipeline, Result, Summary};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::settings::Settings;
use super::stopped;
use crate::eventbridge::healing::{Healing, Parts};
use crate::program::admin::Admin;
use crate::program::metrics::{Monitor, SourceKind};
use crate::program::open_files::raise_limit;
use crate::program::pipeline::{self, configure};
use crate::program::pipeline_settings::DRAIN_TIMEOUT;
use crate::program::progress::Progress;
use crate::program::start::{Start, span};
use crate::program::{ExitStatus, ProgramDeadLetters, signals};

/// For as many connections as the endpoint keeps by default, and the third of them that it leaves for everything else.
pub(super) const OPEN_FILES: u64 = 4096 / 3 * 4;

pub(super) async fn run(mut settings: Settings, progress: Progress) -> Result<ExitStatus> {
    // Before the endpoint derives its bound of connections from it.
    raise_limit(OPEN_FILES);
    let shutdown = signals::shutdown()?;
    let letters = settings.route.pipeline.dead_letters_file();
    let admin = Admin::start(settings.watch.admin.clone(), letters)?;
    let monitor = admin.monitor(&settings.watch.name, SourceKind::EventBridge);
    let audit = settings.audit.take();
    let audit = audit.map(|audit| audit.prepare(&settings.watch.name, &settings.route));
    let healed = admin.healing_monitor(&settings.watch.name, settings.watch.heal.is_some());
    let opened = Opened::open(settings, &progress, &monitor, healed).await?;
    let auditor = audit.map(|audit| audit.start(&monitor));
    let status = opened.run(shutdown).await;
    drop(auditor);
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
    dead_letters: PathBuf,
    proxy: Option<String>,
    healing: Option<(Healing, Parts)>,
}

impl Opened {
    async fn open(
        settings: Settings,
        progress: &Progress,
        monitor: &Monitor,
        healed: Monitor,
    ) -> Result<Self> {
        let Settings {
            listen,
            source,
            names,
            route,
            watch,
            audit: _,
        } = settings;
        let sink = Arc::new(route.sink);
        let asked = Arc::clone(&sink);
        let source = source
            .sink_check(move || {
                let sink = Arc::clone(&asked);
                async move { sink.check().await }
            })
            .build()
            .map_err(|error| names.named(error))?;
        let dead_letters = ProgramDeadLetters::open(&route.pipeline).await?;
        let letters = PathBuf::from(dead_letters.location());
        let unusable = |error| listen.unusable(&error);
        let listener = TcpListener::bind(listen.address()).await;
        let listener = listener.map_err(unusable)?;
        let address = listener.local_addr().map_err(unusable)?.to_string();
        let stop = watch::Sender::new(false);
        let server = source.serve(listener, stopped(stop.subscribe())).boxed();
        monitor.endpoint(source.handle());
        let mapping = Arc::new(route.mapping);
        let healing = match watch.heal {
            Some(heal) => Some(Healing::open(heal, healed).await?),
            None => None,
        };
        let pipeline = source
            .pipeline(Arc::clone(&sink))
            .name(&watch.name)
            .mapping(Arc::clone(&mapping))
            .dead_letters(dead_letters.clone());
        let pipeline = match &healing {
            Some(healing) => pipeline.dedup_window(healing.window()),
            None => pipeline,
        };
        let observer = (progress.observer(), monitor.clone());
        let pipeline = configure(pipeline, observer, &route.pipeline.options, None);
        // A little longer than EventBridge waits for an answer, after which it sends again.
        let drain_timeout = route.pipeline.options.drain_timeout;
        let drain_timeout =
            drain_timeout.unwrap_or_else(|| DRAIN_TIMEOUT.default_in("eventbridge_http"));
        let pipeline = pipeline.drain_timeout(drain_timeout).build();
        let pipeline = Healing::abandon_unless(healing.as_ref(), pipeline).await?;
        monitor.attach(pipeline.handle());
        let mut options = route.pipeline.options;
        options.drain_timeout = Some(drain_timeout);
        let parts = Parts {
            name: watch.name,
            sink: Arc::clone(&sink),
            mapping,
            dead_letters,
            options,
            progress: progress.clone(),
        };
        Ok(Self {
            healing: healing.map(|healing| (healing, parts)),
            server,
            pipeline,
            sink,
            stop,
            address,
            dead_letters: letters,
            proxy: route.proxy,
        })
    }

    async fn run(self, shutdown: impl Future<Output = ()>) -> ExitStatus {
        // A key that Coralogix refuses ends the program before EventBridge delivers an event.
        if let Err(error) = self.sink.check().await {
            match error.is_temporary() {
                true => tracing::warn!(%error, "Coralogix cannot be reached yet"),
                false => {
                    if let Some((healing, _)) = self.healing {
                        healing.abandon().await;
                    }
                    return ExitStatus::Failed(error, Summary::default());
                }
            }
        }
        let start = Start {
            source: &self.address,
            target: self.sink.endpoint().base_url(),
            proxy: self.proxy.as_deref(),
            resumes: "at the next request",
            dead_letters: Some(&self.dead_letters),
            ..Start::default()
        };
        span(self.pipeline.handle().context().pipeline).in_scope(|| start.log());
        tracing::info!("listening on {}", self.address);
        let server = tokio::spawn(self.server);
        let stopped = self.stop.subscribe();
        let healing = self.healing;
        let healing = healing.map(|(healing, parts)| healing.start(parts, stopped));
        let stop = self.stop.clone();
        let shutdown = async move {
            shutdown.await;
            stop.send_replace(true);
        };
        let status = pipeline::run(self.pipeline, shutdown).await;
        // However the pipeline ended, the server answers all requests.
        self.stop.send_replace(true);
        server.await.ok();
        match healing {
            Some(healing) => healing.finish(status).await,
            None => status,
        }
    }
}
