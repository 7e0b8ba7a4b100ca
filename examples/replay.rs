//! Sends the dead letters of a file once more: `cargo run --release --example replay -- --dead-letters FILE`.
//!
//! Without a variable or a flag it demonstrates itself on a stand-in.

use std::process::ExitCode;

use okta_coralogix_examples::program;
use okta_coralogix_examples::replay::ReplayArgs;

#[tokio::main]
async fn main() -> ExitCode {
    program::main::<ReplayArgs>().await
}
