//! The settings that the pipelines of all programs have.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use okta_coralogix_core::dead_letter::FileDeadLetters;
use okta_coralogix_core::filter::{AgeFilter, AgePolicy};
use okta_coralogix_core::observe::Observer;
use okta_coralogix_core::pipeline::PipelineBuilder;
use okta_coralogix_core::{Error, EventSource, Pipeline, Result};
use tracing::Instrument;

use super::args::{age_filter, duration_of, in_setting, too_old_of};
use super::fault_timeouts::FaultTimeouts;
use super::start::span;
use super::{Environment, ExitStatus, is_log};

/// How long events in flight may take after a signal, unless it is set.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(25);

/// As the pipeline has it.
const MAX_OUTAGE_PATIENCE: Duration = Duration::from_secs(6 * 3600);

/// The flags of every program with a pipeline.
#[derive(Debug, clap::Args)]
pub struct PipelineArgs {
    /// The file of the events that cannot be delivered; - writes them to the log, on standard output [default: okta-coralogix.dead-letters.ndjson]
    #[arg(long, value_name = "FILE")]
    dead_letters: Option<String>,
    /// For events older than 24 hours, which Coralogix does not take: drop (and count), dead-letter (keep in the file), or restamp (send
    /// with the present time) [default: drop; replay: dead-letter]
    #[arg(long, value_name = "drop|dead-letter|restamp", global = true)]
    too_old: Option<String>,
    /// How long events in flight may take after SIGTERM or SIGINT, before they are handed back [default: 25s; eventbridge_http: 6s]
    #[arg(long, value_name = "DURATION")]
    drain_timeout: Option<String>,
    /// How long a proxy or web page may answer before anything was accepted, until the run ends [default: 5m]
    #[arg(long, value_name = "DURATION")]
    interception_timeout: Option<String>,
    #[command(flatten)]
    refusal: RefusalArgs,
    /// How long an event is tried at which Coralogix fails, while others pass, until it is dead-lettered; at most 6h [default: 30m]
    #[arg(long, value_name = "DURATION")]
    outage_patience: Option<String>,
}

/// What the pipelines of a program have in common. The defaults are those of a program without a flag.
#[derive(Debug, Clone, Default)]
pub struct PipelineSettings {
    /// The file of dead letters.
    pub dead_letters: PathBuf,
    /// How long faults are waited for.
    pub faults: FaultTimeouts,
    /// For events that are too old, where it was given.
    pub too_old: Option<AgePolicy>,
    /// How long events in flight may take after a signal, where it was given.
    pub drain_timeout: Option<Duration>,
}

impl PipelineArgs {
    /// For events that are too old, where it was given.
    ///
    /// # Errors
    /// `Config` if the value is wrong.
    pub fn too_old(&self, environment: &Environment) -> Result<Option<AgePolicy>> {
        let too_old = environment.flag("--too-old", self.too_old.clone())?;
        too_old
            .map(|(name, value)| too_old_of(&name, &value))
            .transpose()
    }

    /// The settings.
    ///
    /// # Errors
    /// `Config` if a value is wrong.
    pub fn settings(self, environment: &Environment) -> Result<PipelineSettings> {
        let default = "okta-coralogix.dead-letters.ndjson";
        let too_old = self.too_old(environment)?;
        let drain_timeout = environment.flag("--drain-timeout", self.drain_timeout)?;
        let interception = self.interception_timeout;
        let interception = environment.duration("--interception-timeout", interception, "5m")?;
        Ok(PipelineSettings {
            dead_letters: environment.file("--dead-letters", self.dead_letters, default)?,
            faults: FaultTimeouts {
                interception: Some(interception),
                refusal_wait: Some(self.refusal.wait(environment)?),
                outage_patience: Some(outage_patience(environment, self.outage_patience)?),
            },
            too_old,
            drain_timeout: drain_timeout
                .map(|(name, value)| duration_of(&name, &value, "25s"))
                .transpose()?,
        })
    }
}

impl PipelineSettings {
    /// The age rule: events that are too old are dropped unless it was set otherwise.
    #[must_use]
    pub fn age_filter(&self) -> AgeFilter {
        age_filter(self.too_old.unwrap_or_default())
    }

    /// The file of dead letters; `None` if they are written to the log.
    #[must_use]
    pub fn dead_letters_file(&self) -> Option<PathBuf> {
        (!is_log(&self.dead_letters)).then(|| self.dead_letters.clone())
    }

    /// How long events in flight may take after a signal.
    #[must_use]
    pub fn drain_timeout(&self) -> Duration {
        self.drain_timeout.unwrap_or(DRAIN_TIMEOUT)
    }
}

fn outage_patience(environment: &Environment, given: Option<String>) -> Result<Duration> {
    let flag = "--outage-patience";
    let named = environment.flag(flag, given.clone())?;
    let patience = environment.duration(flag, given, "30m")?;
    match named {
        Some((name, value)) if patience > MAX_OUTAGE_PATIENCE => {
            let detail = "is longer than an event may be tried, which then becomes too old; write 6h at most";
            Err(Error::config(&name, format!("{value:?} {detail}")))
        }
        _ => Ok(patience),
    }
}

/// The flag of every program that sends.
#[derive(Debug, clap::Args)]
pub struct RefusalArgs {
    /// The wait after which a credential that was refused is tried once more; then the program ends [default: 60s]
    #[arg(long, value_name = "DURATION")]
    refusal_wait: Option<String>,
}

impl RefusalArgs {
    /// The wait.
    ///
    /// # Errors
    /// `Config` if the value is wrong.
    pub fn wait(self, environment: &Environment) -> Result<Duration> {
        environment.duration("--refusal-wait", self.refusal_wait, "60s")
    }
}

/// The flags of programs that may end when there is nothing left to do.
#[derive(Debug, clap::Args)]
pub struct OnceArgs {
    /// Stop when caught up: no event is left in the org's log, or in the queue
    #[arg(long)]
    once: bool,
    /// With --once: give up after this long without progress [default: 10m]
    #[arg(long, value_name = "DURATION")]
    give_up_after: Option<String>,
}

impl OnceArgs {
    /// As with `--once`, for work that has an end.
    #[must_use]
    pub fn implied(self) -> Self {
        Self { once: true, ..self }
    }

    /// Set: stop when caught up, and give up after this long without progress.
    ///
    /// # Errors
    /// `Config` if a value is wrong.
    pub fn once(self, environment: &Environment) -> Result<Option<Duration>> {
        let flag = "--give-up-after";
        let named = environment.flag(flag, self.give_up_after.clone())?;
        let give_up = environment.duration(flag, self.give_up_after, "10m")?;
        let once = environment.switch("--once", self.once)?;
        if let (Some((name, _)), false) = (named, once) {
            let detail =
                "has no effect without --once: the program goes on for as long as it takes";
            // A flag is meant for this run; a variable may be there for `replay`, which reads it too.
            match name == flag {
                true => {
                    let detail = format!("{detail}; add --once, or leave it out");
                    return Err(Error::config(flag, detail));
                }
                false => environment.warnings().add(format!("{name}: {detail}")),
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
    opened.map_err(in_setting("--dead-letters"))
}

/// A pipeline with `settings` that `observer` watches. With `give_up_after` it ends after that time without progress, and when a credential
/// is refused; else it tries a refused credential once more.
pub fn configure<S: EventSource>(
    builder: PipelineBuilder<S>,
    observer: impl Observer,
    settings: &PipelineSettings,
    give_up_after: Option<Duration>,
) -> PipelineBuilder<S> {
    let faults = settings.faults;
    let builder = builder
        .observer(observer)
        .drain_timeout(settings.drain_timeout())
        .age_filter(settings.age_filter());
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
    let handle = pipeline.handle();
    let within = span(handle.context().pipeline);
    let handed_back = || handle.status().summary.handed_back;
    // What was handed back before the stop was given again.
    let before = AtomicU64::new(u64::MAX);
    let shutdown = async {
        shutdown.await;
        before.store(handed_back(), Ordering::Relaxed);
    };
    let ended = pipeline.run(shutdown).instrument(within.clone()).await;
    let at_the_stop = handed_back().saturating_sub(before.load(Ordering::Relaxed));
    within.in_scope(|| ExitStatus::from(ended).after_stop(at_the_stop))
}
