//! `service_logs`, under the name by which `cargo install` installs it.

use std::process::ExitCode;

use okta_coralogix_examples::program;
use okta_coralogix_examples::service_logs::ServiceLogsArgs;

fn main() -> ExitCode {
    program::main::<ServiceLogsArgs>()
}
