//! Sends the dead letters of a file once more: `cargo run --release --example replay -- --dead-letters FILE`.
//!
//! Without a variable or a flag it runs a demonstration against a simulator; `docs/programs.md` lists the variables and flags.

use std::process::ExitCode;

use okta_coralogix_examples::program;
use okta_coralogix_examples::replay::ReplayArgs;

fn main() -> ExitCode {
    program::main::<ReplayArgs>()
}
