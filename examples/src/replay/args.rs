//! The args of `replay`.

use clap::Parser;

use crate::program::admin::AdminArgs;
use crate::program::log::LogArgs;
use crate::program::network::NetworkArgs;
use crate::program::pipeline::PipelineArgs;

/// Sends the dead letters of a file once more.
///
/// Dead letters that still cannot be sent are written to the file again, with the new reason. The program can be stopped at
/// any time and goes on from there when it is started again. Reads CORALOGIX_DOMAIN (or CORALOGIX_ENDPOINT), CORALOGIX_API_KEY, CORALOGIX_APPLICATION and
/// CORALOGIX_SUBSYSTEM from the environment. Every flag can be given as a variable too: `OKTA_CORALOGIX_<FLAG>`. Without any of
/// them it runs a demonstration against a simulator.
#[derive(Debug, Parser)]
#[command(name = "replay", version)]
pub struct ReplayArgs {
    #[command(flatten)]
    pub(super) pipeline: PipelineArgs,
    #[command(flatten)]
    pub(super) network: NetworkArgs,
    /// Send each letter to the place of its integration in this TOML file, that of `pull --config`
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<String>,
    /// Send only the letters of this integration; with --config also those that name none
    #[arg(long, value_name = "NAME")]
    pub(super) integration: Option<String>,
    /// Send the bare event of a dead letter that is a whole EventBridge envelope
    #[arg(long)]
    pub(super) bare_event: bool,
    /// Give up after this long without progress [default: 10m]
    #[arg(long, value_name = "DURATION")]
    pub(super) give_up_after: Option<String>,
    #[command(flatten)]
    pub(super) log: LogArgs,
    #[command(flatten)]
    pub(super) admin: AdminArgs,
}
