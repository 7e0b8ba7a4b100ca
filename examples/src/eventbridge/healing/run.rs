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
use super::push_share::PushShare;
use super::settings::{HEAL_AFTER, HealSettings};
use crate::program::args::in_setting;
use crate::program::metrics::Monitor;
use crate::program::pipeline::{configure, run_to_the_stop};
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
    runs: JoinHandle<Ended>,
    saves: JoinHandle<()>,
}

impl Healing {
    /// Opens the files, and shows that the log can be read on from the position. Asks nothing of Okta. The folder has to be there.
    ///
    /// # Errors
    /// `Locked`, `Corrupt` or `Storage`, which names the file; `Config`, which names the setting.
    pub(in crate::eventbridge) async fn open(
        settings: HealSettings,
        monitor: Monitor,
    ) -> Result<Self> {
        let files = HealFiles::open(&settings).await?;
        if let Err(error) = open_source(&settings, &files).await {
            files.close().await;
            return Err(in_setting(HEAL_AFTER.about.flag)(error));
        }
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
    pub(in crate::eventbridge) async fn abandon(&self) {
        self.files.close().await;
    }

    /// `opened`, with which the receiver starts; if that is an error, it does not.
    ///
    /// # Errors
    /// That of `opened`.
    pub(in crate::eventbridge) async fn abandon_unless<T>(
        healing: Option<&Self>,
        opened: Result<T>,
    ) -> Result<T> {
        if let (Some(healing), Err(_)) = (healing, &opened) {
            healing.abandon().await;
        }
        opened
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
            push_share: PushShare::new(monitor.clone()),
            monitor,
            stop,
            is_logged: false,
            ended: Ended::default(),
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
        let ended = self.runs.await.unwrap_or_default();
        self.saves.abort();
        self.saves.await.ok();
        self.files.close().await;
        status.and(ended.summary).after_stop(ended.handed_back)
    }
}

/// What all runs have done.
#[derive(Debug, Default)]
struct Ended {
    summary: Summary,
    /// Since the stop.
    handed_back: u64,
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
    push_share: PushShare,
    monitor: Monitor,
    stop: watch::Receiver<bool>,
    reopening: Reopening,
    /// The log says where it began.
    is_logged: bool,
    ended: Ended,
}

impl Runs {
    async fn supervise(mut self) -> Ended {
        loop {
            let began = Instant::now();
            let Err(error) = self.attempt().await else {
                return self.ended;
            };
            if began.elapsed() >= LONG_RUN {
                self.reopening.reset();
            }
            if *self.stop.borrow() {
                return self.ended;
            }
            self.monitor.down(&error);
            let wait = self.reopening.wait_after(error.kind());
            let (error_text, retry_in) = (with_causes(&error), seconds(wait));
            let advice = match Cause::of(error.kind()) {
                Cause::LocalFault => "it begins again by itself",
                _ => "a person has to act on the error; it is tried again until then",
            };
            tracing::error!(
                error = %error_text,
                retry_in = %retry_in,
                "healing is down, and the receiver goes on: events that are not pushed are missing until then, and are sent later; {advice}"
            );
            let mut stop = self.stop.clone();
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return self.ended,
                () = sleep(wait) => {}
            }
        }
    }

    /// Opens and runs the pipeline once. `Ok`: it was stopped.
    async fn attempt(&mut self) -> Result<()> {
        let pipeline = self.open().await?;
        let mut stop = self.stop.clone();
        let shutdown = async move {
            drop(stop.wait_for(|stop| *stop).await);
        };
        let (ended, handed_back) = run_to_the_stop(pipeline, shutdown).await;
        self.ended.handed_back += handed_back;
        match ended {
            Ok(summary) => {
                self.ended.summary += summary;
                Ok(())
            }
            Err(failed) => {
                self.ended.summary += failed.summary;
                Err(failed.error)
            }
        }
    }

    async fn open(&mut self) -> Result<Pipeline<HealingSource<OktaSource>>> {
        let source = open_source(&self.settings, &self.files).await?;
        if !std::mem::replace(&mut self.is_logged, true) {
            self.log(&source);
        }
        let parts = &self.parts;
        let source = HealingSource::new(source, self.settings.delay);
        let pipeline = Pipeline::builder(source, Arc::clone(&parts.sink))
            .name(&self.name)
            .mapping(Arc::clone(&parts.mapping))
            .dead_letters(parts.dead_letters.clone())
            .dedup_window(self.files.window.window().clone());
        let observer = (parts.progress.observer(), self.monitor.clone());
        let observer = (observer, self.push_share.clone());
        let pipeline = configure(pipeline, observer, &parts.options, None).build()?;
        self.monitor.attach(pipeline.handle());
        Ok(pipeline)
    }

    fn log(&self, source: &OktaSource) {
        let settings = &self.settings;
        let resumes = match source.start_point() {
            StartPoint::Checkpoint { .. } => "behind its saved position",
            _ if self.files.window.is_new() => {
                "at its first start: what was published before is not healed"
            }
            _ => {
                "at its first start, since when nothing was read to its end: what was published before is not healed"
            }
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
            "what is not pushed is read from the System Log, and sent. It takes one process that receives: another one, behind the same queue, \
             rule or load balancer, would make events arrive twice"
        );
        if !settings.is_bare {
            tracing::warn!(
                "healed events have no envelope of EventBridge: with --bare-event pushed ones are sent without it too, and searches find both"
            );
        }
    }
}

/// The log behind the saved position. Asks nothing of Okta.
async fn open_source(settings: &HealSettings, files: &HealFiles) -> Result<OktaSource> {
    // What was pushed before that is not known: to heal it would send it twice. And what is older than a day is not sent at all.
    let now = SystemClock.now();
    let since = files.window.window().covered_since().unwrap_or(now);
    // So long ago, since the source knows the clock of the org, by which events have their time.
    let ago = now
        .signed_duration_since(since)
        .to_std()
        .unwrap_or_default();
    let ago = ago.min(AgeFilter::DEFAULT_LIMIT);
    let source = settings.source.clone().since(ago);
    let store = Arc::clone(&files.position);
    let opened = source.checkpoint(store).open().await;
    opened.map_err(|error| settings.names.named(error))
}
