//! The pipelines of all programs: how they are set up, and run.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use okta_coralogix_core::dead_letter::FileDeadLetters;
use okta_coralogix_core::observe::Observer;
use okta_coralogix_core::pipeline::{PipelineBuilder, RunError};
use okta_coralogix_core::{Error, EventSource, Pipeline, Result, Summary};
use tracing::Instrument;

use super::args::in_setting;
use super::pipeline_settings::{DEAD_LETTERS, PipelineOptions};
use super::start::span;
use super::{Environment, ExitStatus};
use crate::program::settings::{About, Flags, Group, Setting, Written, parse};

/// Whether a run has an end.
pub static ONCE: Setting<bool> = Setting {
    about: About {
        flag: "--once",
        default: "off",
        builder: "OktaSourceBuilder::once",
        help: "Stop when caught up: no event is left in the org's log, or in the queue; --give-up-after bounds how long that may take without \
               progress",
        reason: "an audit log is followed for as long as it grows",
        ..About::NONE
    },
    parse: parse::switch,
};

/// How long a run with an end may be without progress.
pub static GIVE_UP_AFTER: Setting<Duration> = Setting {
    about: About {
        flag: "--give-up-after",
        value: "DURATION",
        default: "10m",
        builder: "PipelineBuilder::give_up_after",
        help: "Give up after this long without progress",
        reason: "a job that is started again and again must end; a short outage is waited for",
        ..About::NONE
    },
    parse: parse::duration,
};

/// The flags of programs that may end when there is nothing left to do.
#[derive(Debug)]
pub struct OnceGroup;

impl Group for OnceGroup {
    const SETTINGS: &'static [&'static About] = &[&ONCE.about, &GIVE_UP_AFTER.about];
}

/// Those of [`OnceGroup`].
pub type OnceArgs = Flags<OnceGroup>;

impl OnceArgs {
    /// As with `--once`, for work that has an end.
    #[must_use]
    pub fn implied(self) -> Self {
        self.and(&ONCE.about, "true")
    }

    /// Set: stop when caught up, and give up after this long without progress.
    ///
    /// # Errors
    /// `Config` if a value is wrong.
    pub fn once(&self, environment: &Environment) -> Result<Option<Duration>> {
        let values = self.values(environment);
        let give_up = GIVE_UP_AFTER.get(&values)?;
        let once = ONCE.get(&values)?;
        let named = values.find(&GIVE_UP_AFTER.about)?;
        if let (Some(Written { setting, .. }), false) = (named, once) {
            let detail =
                "has no effect without --once: the program goes on for as long as it takes";
            // A flag is meant for this run; a variable may be there for `replay`, which reads it too.
            match setting == GIVE_UP_AFTER.about.flag {
                true => {
                    let detail = format!("{detail}; add --once, or leave it out");
                    return Err(Error::config(&setting, detail));
                }
                false => environment.warnings().add(format!("{setting}: {detail}")),
            }
        }
        Ok(once.then_some(give_up))
    }
}

/// Opens the file of `--dead-letters`.
///
/// # Errors
/// `Storage` if it cannot be opened.
pub async fn open_dead_letters(path: &Path) -> Result<FileDeadLetters> {
    let opened = FileDeadLetters::open(path).await;
    opened.map_err(in_setting(DEAD_LETTERS.about.flag))
}

/// A pipeline with `settings` that `observer` watches. With `give_up_after` it ends after that time without progress, and when a credential
/// is refused; else it tries a refused credential once more.
pub fn configure<S: EventSource>(
    builder: PipelineBuilder<S>,
    observer: impl Observer,
    settings: &PipelineOptions,
    give_up_after: Option<Duration>,
) -> PipelineBuilder<S> {
    let faults = settings.faults;
    let builder = builder
        .observer(observer)
        .drain_timeout(settings.drain_timeout())
        .age_filter(settings.age_filter());
    let builder = match &settings.event_types {
        Some(types) => builder.filter(types.clone()),
        None => builder,
    };
    match give_up_after {
        Some(time) => faults
            .without_refusal_wait()
            .apply(builder)
            .give_up_after(time),
        None => faults.apply(builder),
    }
}

/// Runs the pipeline of one integration until it ends, or `shutdown` resolves and what is in flight has ended.
pub async fn run<S: EventSource>(
    pipeline: Pipeline<S>,
    shutdown: impl Future<Output = ()>,
) -> ExitStatus {
    let within = span(pipeline.handle().context().pipeline);
    let ran = run_to_the_stop(pipeline, shutdown);
    let (ended, handed_back) = ran.instrument(within.clone()).await;
    within.in_scope(|| ExitStatus::from(ended).after_stop(handed_back))
}

/// As [`run`], within the caller's span: how it ended, and how many events were handed back since `shutdown` resolved.
pub async fn run_to_the_stop<S: EventSource>(
    pipeline: Pipeline<S>,
    shutdown: impl Future<Output = ()>,
) -> (Result<Summary, RunError>, u64) {
    let handle = pipeline.handle();
    let handed_back = || handle.status().summary.handed_back;
    // What was handed back before the stop was given again.
    let before = AtomicU64::new(u64::MAX);
    let shutdown = async {
        shutdown.await;
        before.store(handed_back(), Ordering::Relaxed);
    };
    let ended = pipeline.run(shutdown).await;
    let since_the_stop = handed_back().saturating_sub(before.load(Ordering::Relaxed));
    (ended, since_the_stop)
}
