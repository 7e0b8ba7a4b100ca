//! `pull`, under the name by which `cargo install` installs it.

use std::process::ExitCode;

use okta_coralogix_examples::program;
use okta_coralogix_examples::pull::PullArgs;

fn main() -> ExitCode {
    program::main::<PullArgs>()
}
