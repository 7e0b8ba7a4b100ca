//! Where a program begins and ends: args and environment → settings → a run → the summary and the exit status.
//!
//! A program implements [`Program`] for its args. [`main`] does what all programs do: a behaviour that every program has
//! belongs there, a setting that every pipeline has into [`pipeline`].

pub mod admin;
pub mod args;
mod awaited;
pub mod check;
pub mod coralogix;
mod dead_letters;
pub mod demonstration;
pub mod entry_settings;
mod environment;
mod exit_status;
mod fault_timeouts;
pub mod listen;
pub mod log;
pub mod metrics;
pub mod missing;
pub mod nearest;
pub mod network;
pub mod open_files;
pub mod pipeline;
pub mod pipeline_settings;
pub mod progress;
pub mod secrets;
pub mod settings;
pub mod signals;
pub mod start;
mod state_dir;
mod state_files;
mod variables;
mod warnings;

pub(crate) use awaited::Awaited;
pub use dead_letters::{ProgramDeadLetters, have_letters_file, rotations};
pub use environment::Environment;
pub use exit_status::{ExitStatus, print_error};
pub use fault_timeouts::FaultTimeouts;
pub use network::Network;
pub use state_dir::{CheckedFolder, STATE_DIR, StateDir};
pub use state_files::{StateFiles, is_log, is_state};
pub use warnings::Warnings;

use std::borrow::Cow;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use okta_coralogix_core::internal::text::hide_secrets;
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
    let mut args = parse::<P>();
    let environment = Environment::of_the_process();
    let known = known_variables::<P>();
    let given = || {
        let args = std::env::args_os().skip(1);
        args.filter_map(|arg| arg.into_string().ok())
    };
    let is_demonstration = std::env::args_os().len() <= 1 && !any_variable::<P>(&environment);
    // First of all: what is wrong in a setting is said with its value.
    let status = secrets::check_settings(given(), &known, &environment)
        .and_then(|()| std::mem::take(args.log()).settings(&environment))
        .and_then(|log| {
            if is_demonstration {
                warn_of_unread::<P>(&environment, |_| true);
                return block_on(P::runtime(None), demonstrate::<P>(log, &environment));
            }
            let settings = args.settings(&environment);
            // A name that was asked for and is not set may be that of a misspelt one.
            let is_absent = |name: &str| environment.was_asked_for(name) && !environment.has(name);
            warn_of_unread::<P>(&environment, is_absent);
            let settings = settings?;
            // Again, with what pipes had.
            secrets::check_settings(given(), &known, &environment)?;
            let runtime = P::runtime(Some(&settings));
            block_on(runtime, async {
                let progress = Progress::start(log);
                environment.warnings().log();
                P::run(settings, progress).await
            })
        });
    // Of a program that did not come to its log.
    for warning in environment.warnings().take() {
        writeln!(std::io::stderr(), "warning: {}", hide_secrets(&warning)).ok();
    }
    status.unwrap_or_else(ExitStatus::WrongSetting).report()
}

/// The args. What is wrong in them is said without a secret that was written where it does not belong.
fn parse<P: Program>() -> P {
    P::try_parse().unwrap_or_else(|error| {
        let text = error.to_string();
        match hide_secrets(&text) {
            Cow::Owned(hidden) if error.use_stderr() => {
                let hidden = hidden.strip_prefix("error: ").unwrap_or(&hidden);
                clap::Error::raw(error.kind(), hidden).exit()
            }
            _ => error.exit(),
        }
    })
}

/// Warns of variables that are meant for this program, it seems, and that it does not read. `is_absent` tells the settings that others may
/// have been meant to be.
fn warn_of_unread<P: Program>(environment: &Environment, is_absent: impl Fn(&str) -> bool) {
    let known = known_variables::<P>();
    let set = environment.names().iter();
    let set = set.filter(|name| !environment.was_asked_for(name));
    for warning in variables::unread(set, &known, is_absent) {
        environment.warnings().add(warning);
    }
}

async fn demonstrate<P: Program>(
    log: LogSettings,
    environment: &Environment,
) -> Result<ExitStatus<P::Summary>> {
    let progress = Progress::start(log);
    environment.warnings().log();
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
    let known = known_variables::<P>();
    // A place alone says nothing about what to do.
    let place = STATE_DIR.about.variable();
    let mut asking = known.iter().filter(|name| **name != place);
    asking.any(|name| environment.has(name))
}

/// The variables that the program reads, but for those of other programs, such as `HTTPS_PROXY`.
fn known_variables<P: Program>() -> Vec<String> {
    let own = P::VARIABLES.iter().copied().flatten();
    let own = own.chain(&coralogix::VARIABLES);
    let own = own.chain(&network::VARIABLES);
    let own = own.map(|name| (*name).to_owned());
    let command = P::command();
    let flags = command.get_arguments().filter_map(|arg| arg.get_long());
    // An image sets the place for all programs in it, also for one that keeps nothing.
    let place = [STATE_DIR.about.variable()];
    own.chain(flags.map(args::variable)).chain(place).collect()
}
