//! Sends a service's own log lines to Coralogix: `my-service 2>&1 | cargo run --release --example service_logs`.
//!
//! There is no Okta in it. Without a variable it demonstrates itself on a stand-in.

use std::process::ExitCode;

use okta_coralogix_examples::program;
use okta_coralogix_examples::service_logs::ServiceLogsArgs;

#[tokio::main]
async fn main() -> ExitCode {
    program::main::<ServiceLogsArgs>().await
}
