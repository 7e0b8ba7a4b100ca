//! Measures the cost of `pull`: `cargo build --release --examples && cargo run --release --example pull_cost`.
//!
//! Runs the program `pull` beside it as a process of its own, against simulators on sockets in this process. Linux only.

use std::error::Error;

use okta_coralogix_examples::pull_cost;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    pull_cost::main().await
}
