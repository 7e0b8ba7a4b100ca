//! Where a program begins and ends: args and environment → settings → a run → the summary and the exit status.
//!
//! A program implements [`Program`] for its args. [`main`] does what all programs do: a behaviour that every program has
//! belongs there, a setting that every pipeline has into [`pipeline`].

pub mod admin;
pub mod args;
pub mod coralogix;
mod dead_letters;
pub mod demonstration;
mod environment;
mod exit_status;
mod fault_timeouts;
pub mod log;
pub mod metrics;
pub mod network;
pub mod open_files;
pub mod pipeline;
pub mod progress;
pub mod signals;
pub mod start;
mod state_files;

pub use dead_letters::ProgramDeadLetters;
pub use environment::Environment;
pub use exit_status::{ExitStatus, print_error};
pub use fault_timeouts::FaultTimeouts;
pub use network::Network;
pub use state_files::{StateFiles, is_log};

use std::process::ExitCode;

use clap::Parser;
use okta_coralogix_core::{Error, ErrorKind, Result};
use serde::Serialize;
use tokio::runtime;

use self::log::{LogArgs, LogSettings};
use self::progress::Progress;

/// A program, implemented for its args.
pub trait Program: Parser {
    /// The environment variables of its own, beside those of its flags and of Coralogix. Any that is set asks for a run.
    const VARIABLES: &'static [&'static [&'static str]] = &[];

    /// The simulators of the demonstration, and a sentence that says how to start a run instead.
    const DEMONSTRATION: [&'static str; 2];

    /// The settings of a run, valid.
    type Settings;

    /// The last line of stdout.
    type Summary: Default + Serialize;

    /// The flags of its log.
    fn log(&mut self) -> &mut LogArgs;

    /// Reads the settings from args and environment.
    ///
    /// # Errors
    /// `Config`, which names the setting that is missing or wrong and says what to write.
    fn settings(self, environment: &Environment) -> Result<Self::Settings>;

    /// Runs until everything is done or a signal asks to stop.
    ///
    /// # Errors
    /// A setting that turns out to be wrong before anything is started.
    fn run(
        settings: Self::Settings,
        progress: Progress,
    ) -> impl Future<Output = Result<ExitStatus<Self::Summary>>>;

    /// The runtime of a run with `settings`, or of the demonstration without any. By default that of `#[tokio::main]`.
    #[must_use]
    fn runtime(_settings: Option<&Self::Settings>) -> runtime::Builder {
        runtime::Builder::new_multi_thread()
    }

    /// Runs against simulators on this machine.
    ///
    /// # Errors
    /// If the simulators cannot be started.
    fn demonstrate(progress: Progress) -> impl Future<Output = Result<ExitStatus<Self::Summary>>>;
}

/// The whole program: without any arg or variable the demonstration, else a run.
#[must_use]
pub fn main<P: Program>() -> ExitCode {
    let mut args = P::parse();
    let environment = Environment::of_the_process();
    let is_demonstration = std::env::args_os().len() <= 1 && !any_variable::<P>(&environment);
    let status = std::mem::take(args.log())
        .settings(&environment)
        .and_then(|log| {
            if is_demonstration {
                return block_on(P::runtime(None), demonstrate::<P>(log));
            }
            let settings = args.settings(&environment)?;
            let runtime = P::runtime(Some(&settings));
            block_on(runtime, async {
                P::run(settings, Progress::start(log)).await
            })
        });
    status.unwrap_or_else(ExitStatus::WrongSetting).report()
}

async fn demonstrate<P: Program>(log: LogSettings) -> Result<ExitStatus<P::Summary>> {
    let progress = Progress::start(log);
    let [simulators, advice] = P::DEMONSTRATION;
    demonstration::print(&format!(
        "Nothing is set, so this is the demonstration: {simulators} on 127.0.0.1."
    ));
    demonstration::print(advice);
    let failed = |error| ExitStatus::Failed(error, P::Summary::default());
    Ok(P::demonstrate(progress).await.unwrap_or_else(failed))
}

/// # Errors
/// `Storage` if the operating system gives no thread or no descriptor; else the error of `program`.
fn block_on<T>(
    mut runtime: runtime::Builder,
    program: impl Future<Output = Result<T>>,
) -> Result<T> {
    let runtime = runtime.enable_all().build().map_err(|error| {
        let detail = format!("the program cannot start: {error}");
        Error::new(ErrorKind::Storage, detail).with_source(error)
    })?;
    runtime.block_on(async {
        signals::survive_file_size_limit();
        program.await
    })
}

fn any_variable<P: Program>(environment: &Environment) -> bool {
    let own = P::VARIABLES.iter().copied().flatten();
    let command = P::command();
    let mut flags = command.get_arguments().filter_map(|arg| arg.get_long());
    own.chain(&coralogix::VARIABLES)
        .any(|name| environment.has(name))
        || flags.any(|flag| environment.has(&args::variable(flag)))
}
