//! The runs of healing, one after the other, beside the receiver.

use std::sync::Arc;

use coralogix_sink::CoralogixSink;
use okta_coralogix_core::filter::{AgeFilter, DedupWindow};
use okta_coralogix_core::internal::text::seconds;
use okta_coralogix_core::text::with_causes;
use okta_coralogix_core::{
    Clock, CoralogixMapping, HealingSource, Pipeline, Result, Summary, SystemClock,
};
use okta_source::{OktaSource, StartPoint};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tracing::Instrument;

use super::files::HealFiles;
use super::settings::HealSettings;
use crate::program::metrics::Monitor;
use crate::program::pipeline::configure;
use crate::program::pipeline_settings::PipelineOptions;
use crate::program::progress::Progress;
use crate::program::start::{Start, span};
use crate::program::{ExitStatus, ProgramDeadLetters};
use crate::pull::config::{Cause, LONG_RUN, Reopening};

/// Healing whose files are open: from now on the receiver's pipeline uses its window.
#[derive(Debug)]
pub(in crate::eventbridge) struct Healing {
    settings: HealSettings,
    files: Arc<HealFiles>,
    monitor: Monitor,
}

/// What healing has in common with the receiver.
pub(in crate::eventbridge) struct Parts {
    /// The name of the receiver's pipeline.
    pub(in crate::eventbridge) name: String,
    pub(in crate::eventbridge) sink: Arc<CoralogixSink>,
    pub(in crate::eventbridge) mapping: Arc<CoralogixMapping>,
    pub(in crate::eventbridge) dead_letters: ProgramDeadLetters,
    pub(in crate::eventbridge) options: PipelineOptions,
    pub(in crate::eventbridge) progress: Progress,
}

/// Healing that goes on in tasks of its own.
#[derive(Debug)]
pub(in crate::eventbridge) struct HealingTask {
    files: Arc<HealFiles>,
    runs: JoinHandle<Summary>,
    saves: JoinHandle<()>,
}

impl Healing {
    /// Opens the files. The folder has to be there.
    ///
    /// # Errors
    /// `Locked`, `Corrupt` or `Storage`, which names the file.
    pub(in crate::eventbridge) async fn open(
        settings: HealSettings,
        monitor: Monitor,
    ) -> Result<Self> {
        let files = HealFiles::open(&settings).await?;
        monitor.heals(settings.delay, files.window.window().clone());
        Ok(Self {
            settings,
            files: Arc::new(files),
            monitor,
        })
    }

    /// The window, for the receiver's pipeline.
    pub(in crate::eventbridge) fn window(&self) -> DedupWindow {
        self.files.window.window().clone()
    }

    /// The receiver does not start: what follows has nothing to make up for.
    pub(in crate::eventbridge) async fn abandon(self) {
        self.files.close().await;
    }

    /// Begins to heal, until `stop` is true.
    pub(in crate::eventbridge) fn start(
        self,
        parts: Parts,
        stop: watch::Receiver<bool>,
    ) -> HealingTask {
        let Self {
            settings,
            files,
            monitor,
        } = self;
        let name = format!("{}-healing", parts.name);
        let within = span(&name);
        let (saved, watched) = (Arc::clone(&files), monitor.clone());
        let saves = async move { saved.keep_saving(&watched).await };
        let runs = Runs {
            reopening: Reopening::new(&name),
            name,
            settings,
            parts,
            files: Arc::clone(&files),
            monitor,
            stop,
            summary: Summary::default(),
        };
        HealingTask {
            files,
            saves: tokio::spawn(saves.instrument(within.clone())),
            runs: tokio::spawn(runs.supervise().instrument(within)),
        }
    }
}

impl HealingTask {
    /// To be called once the receiver's pipeline has ended as `status`, and `stop` is true: waits for the end of healing, and saves the
    /// window for the last time. The counts of both are those of the program.
    pub(in crate::eventbridge) async fn finish(self, status: ExitStatus) -> ExitStatus {
        // A panic of healing is told by its own message; its counts are lost with it.
        let summary = self.runs.await.unwrap_or_default();
        self.saves.abort();
        self.saves.await.ok();
        self.files.close().await;
        status.and(summary)
    }
}

/// The runs. States:
/// * *running*: a pipeline reads the log. Only an error, or the stop, ends it;
/// * *down*: after an error, for as long as [`Reopening`] says. Meanwhile the receiver goes on, and so does the window: once Okta
///   answers again, the position is where it was;
/// * *ended*, by the stop.
struct Runs {
    name: String,
    settings: HealSettings,
    parts: Parts,
    files: Arc<HealFiles>,
    monitor: Monitor,
    stop: watch::Receiver<bool>,
    reopening: Reopening,
    summary: Summary,
}

impl Runs {
    async fn supervise(mut self) -> Summary {
        let mut is_first = true;
        loop {
            let began = Instant::now();
            let Err(error) = self.attempt(is_first).await else {
                return self.summary;
            };
            is_first = false;
            if began.elapsed() >= LONG_RUN {
                self.reopening.reset();
            }
            if *self.stop.borrow() {
                return self.summary;
            }
            self.monitor.down(&error);
            let wait = self.reopening.wait_after(error.kind());
            let (error_text, retry_in) = (with_causes(&error), seconds(wait));
            let advice = match Cause::of(error.kind()) {
                Cause::LocalFault => "it is opened again",
                _ => "a person has to act; it is tried again",
            };
            tracing::error!(
                error = %error_text,
                retry_in = %retry_in,
                "healing is down, and the receiver goes on: events that are not pushed are missing until then, and are sent later. For the error \
                 {advice}"
            );
            let mut stop = self.stop.clone();
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return self.summary,
                () = sleep(wait) => {}
            }
        }
    }

    /// Opens and runs the pipeline once. `Ok`: it was stopped.
    async fn attempt(&mut self, is_first: bool) -> Result<()> {
        let pipeline = self.open(is_first).await?;
        let mut stop = self.stop.clone();
        let shutdown = async move {
            drop(stop.wait_for(|stop| *stop).await);
        };
        match pipeline.run(shutdown).await {
            Ok(summary) => {
                self.summary += summary;
                Ok(())
            }
            Err(failed) => {
                self.summary += failed.summary;
                Err(failed.error)
            }
        }
    }

    async fn open(&self, is_first: bool) -> Result<Pipeline<HealingSource<OktaSource>>> {
        let Self {
            settings,
            parts,
            files,
            ..
        } = self;
        let window = files.window.window();
        // What was pushed before that is not known: to heal it would send it twice. And what is older than a day is not sent at all.
        let now = SystemClock.now();
        let since = window.covered_since().unwrap_or(now);
        let since = since.max(now - AgeFilter::DEFAULT_LIMIT);
        let source = settings.source.clone().since(since);
        let store = Arc::clone(&files.position);
        let opened = source.checkpoint(store).open().await;
        let source = opened.map_err(|error| settings.names.named(error))?;
        if is_first {
            self.log(&source);
        }
        let source = HealingSource::new(source, settings.delay);
        let pipeline = Pipeline::builder(source, Arc::clone(&parts.sink))
            .name(&self.name)
            .mapping(Arc::clone(&parts.mapping))
            .dead_letters(parts.dead_letters.clone())
            .dedup_window(window.clone());
        let observer = (parts.progress.observer(), self.monitor.clone());
        let pipeline = configure(pipeline, observer, &parts.options, None).build()?;
        self.monitor.attach(pipeline.handle());
        Ok(pipeline)
    }

    fn log(&self, source: &OktaSource) {
        let settings = &self.settings;
        let resumes = match source.start_point() {
            StartPoint::Checkpoint { .. } => "behind its saved position",
            _ => "at its first start: what was published before is not healed",
        };
        let start = Start {
            source: &settings.org,
            target: self.parts.sink.endpoint().base_url(),
            resumes,
            checkpoint: Some(&settings.position),
            ..Start::default()
        };
        start.log();
        tracing::info!(
            after = %seconds(settings.delay),
            window = settings.capacity,
            "what is not pushed is read from the System Log, and sent"
        );
        if !settings.is_bare {
            tracing::warn!(
                "healed events have no envelope of EventBridge: with --bare-event pushed ones are sent without it too, and searches find both"
            );
        }
    }
}
