//! The `replay` program: what stands in the dead letters is sent once more.

mod demonstration;
mod real;
mod settings;

pub use settings::{Flags, Settings, Wanted};

use std::process::ExitCode;

use clap::Parser;

use crate::environment::Environment;
use crate::exit::End;

/// The whole program, from the process's arguments and variables.
pub async fn main() -> ExitCode {
    let flags = Flags::parse();
    let any_argument = std::env::args_os().len() > 1;
    let end = match Wanted::read(flags, any_argument, &Environment::of_the_process()) {
        Ok(Wanted::Demonstration) => demonstration::run().await,
        Ok(Wanted::Real(settings)) => real::run(*settings).await,
        Err(error) => End::WrongSetting(error),
    };
    end.report()
}
