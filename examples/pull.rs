//! Pulls the System Log of an Okta org into Coralogix: `cargo run --release --example pull`.
//!
//! Without a variable or a flag it runs a demonstration against simulators; `docs/programs.md` lists the variables and flags.

use std::process::ExitCode;

use okta_coralogix_examples::program;
use okta_coralogix_examples::pull::PullArgs;

fn main() -> ExitCode {
    program::main::<PullArgs>()
}
