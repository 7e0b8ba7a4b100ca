//! The settings that the pipelines of all programs have.

use std::path::{Path, PathBuf};
use std::time::Duration;

use okta_coralogix_core::dead_letter::FileDeadLetters;
use okta_coralogix_core::observe::Observer;
use okta_coralogix_core::pipeline::PipelineBuilder;
use okta_coralogix_core::{Error, EventSource, Result};

use super::Environment;
use super::args::in_setting;
use super::fault_timeouts::FaultTimeouts;

/// How long events in flight may take after a signal.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);

/// As the pipeline has it.
const MAX_OUTAGE_PATIENCE: Duration = Duration::from_secs(6 * 3600);

/// The flags of every program with a pipeline.
#[derive(Debug, clap::Args)]
pub struct PipelineArgs {
    /// The file of the events that cannot be delivered; - writes them to the log, on standard output [default: okta-coralogix.dead-letters.ndjson]
    #[arg(long, value_name = "FILE")]
    dead_letters: Option<String>,
    /// How long a proxy or web page may answer before anything was accepted, until the run ends [default: 5m]
    #[arg(long, value_name = "DURATION")]
    interception_timeout: Option<String>,
    #[command(flatten)]
    refusal: RefusalArgs,
    /// How long an event is tried at which Coralogix fails, while others pass, until it is dead-lettered; at most 6h [default: 30m]
    #[arg(long, value_name = "DURATION")]
    outage_patience: Option<String>,
}

impl PipelineArgs {
    /// The file of dead letters, and how long faults are waited for.
    ///
    /// # Errors
    /// `Config` if a value is wrong.
    pub fn settings(self, environment: &Environment) -> Result<(PathBuf, FaultTimeouts)> {
        let default = "okta-coralogix.dead-letters.ndjson";
        let dead_letters = environment.file("--dead-letters", self.dead_letters, default)?;
        let interception = self.interception_timeout;
        let interception = environment.duration("--interception-timeout", interception, "5m")?;
        let faults = FaultTimeouts {
            interception: Some(interception),
            refusal_wait: Some(self.refusal.wait(environment)?),
            outage_patience: Some(outage_patience(environment, self.outage_patience)?),
        };
        Ok((dead_letters, faults))
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
    /// Set: stop when caught up, and give up after this long without progress.
    ///
    /// # Errors
    /// `Config` if a value is wrong.
    pub fn once(self, environment: &Environment) -> Result<Option<Duration>> {
        let give_up = environment.duration("--give-up-after", self.give_up_after, "10m")?;
        let once = environment.switch("--once", self.once)?;
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

/// A pipeline that `observer` watches. With `give_up_after` it ends after that time without progress, and when a credential is refused; else
/// it tries a refused credential once more.
pub fn configure<S: EventSource>(
    builder: PipelineBuilder<S>,
    observer: impl Observer,
    faults: FaultTimeouts,
    give_up_after: Option<Duration>,
) -> PipelineBuilder<S> {
    let builder = builder.observer(observer).drain_timeout(DRAIN_TIMEOUT);
    match give_up_after {
        Some(time) => faults
            .without_refusal_wait()
            .apply(builder)
            .give_up_after(time),
        None => faults.apply(builder),
    }
}
