//! An AWS Lambda function that carries the System Log of an Okta org into Coralogix:
//! `cargo run --release --features lambda --example eventbridge_lambda`.
//!
//! Without a variable or a flag it runs a demonstration against simulators; `docs/programs.md` lists the variables and flags.

use std::process::ExitCode;

use okta_coralogix_examples::eventbridge::lambda::LambdaArgs;
use okta_coralogix_examples::program;

fn main() -> ExitCode {
    program::main::<LambdaArgs>()
}
