//! Sends a service's own log lines to Coralogix: `my-service 2>&1 | cargo run --release --example service_logs`.
//!
//! It does not use Okta. Without a variable it runs a demonstration against a simulator; `docs/programs.md` lists the variables.

use std::process::ExitCode;

use okta_coralogix_examples::program;
use okta_coralogix_examples::service_logs::ServiceLogsArgs;

fn main() -> ExitCode {
    program::main::<ServiceLogsArgs>()
}
