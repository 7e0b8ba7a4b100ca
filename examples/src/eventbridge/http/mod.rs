//! The `eventbridge_http` program.

mod args;
mod demonstration;
mod run;
mod settings;

pub use args::Flags;
pub use settings::{Settings, Wanted};

use std::process::ExitCode;

use clap::Parser;

use crate::program::Environment;
use crate::program::ExitStatus;

/// The whole program, from the process's arguments and variables.
pub async fn main() -> ExitCode {
    let flags = Flags::parse();
    let any_argument = std::env::args_os().len() > 1;
    let end = match Wanted::read(flags, any_argument, &Environment::of_the_process()) {
        Ok(Wanted::Demonstration) => demonstration::run().await,
        Ok(Wanted::Real(settings)) => run::run(*settings).await,
        Err(error) => ExitStatus::WrongSetting(error),
    };
    end.report()
}
