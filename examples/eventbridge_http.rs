//! Receives the System Log of an Okta org from an EventBridge API destination and sends it to Coralogix:
//! `cargo run --release --example eventbridge_http`.
//!
//! Without a variable or a flag it runs a demonstration against simulators; `docs/programs.md` lists the variables and flags.

use std::process::ExitCode;

use okta_coralogix_examples::eventbridge::http::HttpArgs;
use okta_coralogix_examples::program;

fn main() -> ExitCode {
    program::main::<HttpArgs>()
}
