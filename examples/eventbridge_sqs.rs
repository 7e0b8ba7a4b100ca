//! Carries the System Log of an Okta org from an SQS queue into Coralogix:
//! `cargo run --release --features sqs --example eventbridge_sqs`.
//!
//! Without a variable or a flag it runs a demonstration against simulators; `docs/programs.md` lists the variables and flags.

use std::process::ExitCode;

use okta_coralogix_examples::eventbridge::sqs::SqsArgs;
use okta_coralogix_examples::program;

fn main() -> ExitCode {
    program::main::<SqsArgs>()
}
