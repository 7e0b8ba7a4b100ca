//! `audit`, under the name by which `cargo install` installs it.

use std::process::ExitCode;

use okta_coralogix_examples::audit::AuditArgs;
use okta_coralogix_examples::program;

fn main() -> ExitCode {
    program::main::<AuditArgs>()
}
