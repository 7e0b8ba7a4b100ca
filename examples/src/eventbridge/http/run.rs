//! A real run.

use std::sync::Arc;
use std::time::Duration;

use coralogix_sink::CoralogixSink;
use eventbridge_source::http::HttpSource;
use futures::FutureExt;
use futures::future::BoxFuture;
use okta_coralogix_core::dead_letter::FileDeadLetters;
use okta_coralogix_core::{Error, Pipeline, Result, Summary};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::Settings;
use crate::program::ExitStatus;
use crate::program::progress::Progress;
use crate::program::signals;

/// How long what is in flight may take after a signal: longer than a request may.
const DRAIN: Duration = Duration::from_secs(6);

pub(super) async fn run(settings: Settings) -> ExitStatus {
    let progress = Progress::on_stderr();
    progress.take_the_log();
    let shutdown = match signals::shutdown() {
        Ok(shutdown) => shutdown,
        Err(error) => return ExitStatus::WrongSetting(error),
    };
    let opened = match Opened::open(settings, progress.clone()).await {
        Ok(opened) => opened,
        Err(error) => return ExitStatus::WrongSetting(error),
    };
    let end = opened.run(shutdown).await;
    progress.finish();
    end
}

/// All that was opened, and nothing started.
struct Opened {
    sink: Arc<CoralogixSink>,
    server: BoxFuture<'static, ()>,
    pipeline: Pipeline<HttpSource>,
    stop: watch::Sender<bool>,
    address: String,
}

impl Opened {
    async fn open(settings: Settings, progress: Progress) -> Result<Self> {
        let Settings {
            listen,
            source,
            shared,
        } = settings;
        let sink = Arc::new(shared.sink);
        let asked = Arc::clone(&sink);
        let source = source
            .sink_check(move || {
                let sink = Arc::clone(&asked);
                async move { sink.check().await }
            })
            .build()?;
        let dead_letters = FileDeadLetters::open(&shared.dead_letters)
            .await
            .map_err(|error| Error::new(error.kind(), format!("--dead-letters: {error}")))?;
        let refused = |error: std::io::Error| {
            let what = "write an address and a free port, such as 127.0.0.1:8080";
            Error::config(
                "LISTEN",
                format!("{listen:?} cannot be had ({error}); {what}"),
            )
        };
        let listener = TcpListener::bind(&listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?.to_string();
        let stop = watch::Sender::new(false);
        Ok(Self {
            server: source.serve(listener, stopped(stop.subscribe())).boxed(),
            pipeline: source
                .pipeline(Arc::clone(&sink))
                .mapping(shared.mapping)
                .dead_letters(dead_letters)
                .observer(progress)
                .drain_timeout(DRAIN)
                .build()?,
            sink,
            stop,
            address,
        })
    }

    async fn run(self, shutdown: impl Future<Output = ()>) -> ExitStatus {
        // A key that Coralogix refuses is said before an event asks for it.
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
        // Whatever ended it, everybody is answered.
        self.stop.send_replace(true);
        server.await.ok();
        match ended {
            Ok(summary) => ExitStatus::Done(summary),
            Err(failed) => ExitStatus::Failed(failed.error, failed.summary),
        }
    }
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}
