//! `eventbridge_sqs`, under the name by which `cargo install` installs it.

use std::process::ExitCode;

use okta_coralogix_examples::eventbridge::sqs::SqsArgs;
use okta_coralogix_examples::program;

fn main() -> ExitCode {
    program::main::<SqsArgs>()
}
