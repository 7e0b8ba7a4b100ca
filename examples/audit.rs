//! Compares an org's System Log with what Coralogix stores: `cargo run --release --example audit -- --from 48h --to 1h`.
//!
//! Without a variable it runs a demonstration against simulators; `docs/audit.md` explains it, `docs/programs.md` lists the variables.

use std::process::ExitCode;

use okta_coralogix_examples::audit::AuditArgs;
use okta_coralogix_examples::program;

fn main() -> ExitCode {
    program::main::<AuditArgs>()
}
