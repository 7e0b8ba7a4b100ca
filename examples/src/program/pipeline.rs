//! The settings that the pipelines of all programs have.

use std::path::{Path, PathBuf};
use std::time::Duration;

use okta_coralogix_core::dead_letter::FileDeadLetters;
use okta_coralogix_core::observe::Observer;
use okta_coralogix_core::pipeline::PipelineBuilder;
use okta_coralogix_core::{EventSource, Result};

use super::Environment;
use super::args::in_setting;

/// How long events in flight may take after a signal.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);

/// The flags of every program with a pipeline.
#[derive(Debug, clap::Args)]
pub struct PipelineArgs {
    /// The file of the events that cannot be delivered [default: okta-coralogix.dead-letters.ndjson]
    #[arg(long, value_name = "FILE")]
    dead_letters: Option<String>,
}

impl PipelineArgs {
    /// The file of dead letters.
    ///
    /// # Errors
    /// `Config` if its name is empty.
    pub fn dead_letters(self, environment: &Environment) -> Result<PathBuf> {
        let default = "okta-coralogix.dead-letters.ndjson";
        environment.file("--dead-letters", self.dead_letters, default)
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

/// A pipeline that `observer` watches and that gives up after a while without progress, if `give_up_after` is set.
pub fn configure<S: EventSource>(
    builder: PipelineBuilder<S>,
    observer: impl Observer,
    give_up_after: Option<Duration>,
) -> PipelineBuilder<S> {
    let builder = builder.observer(observer).drain_timeout(DRAIN_TIMEOUT);
    match give_up_after {
        Some(time) => builder.give_up_after(time),
        None => builder,
    }
}
