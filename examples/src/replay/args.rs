//! The args of `replay`.

use clap::Parser;

use crate::program::admin::AdminArgs;
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
    /// For events older than 24 hours: keep (in the file), drop, or restamp (send them with the present time)
    /// [default: keep]
    #[arg(long, value_name = "keep|drop|restamp")]
    pub(super) too_old: Option<String>,
    /// Send the bare event of a dead letter that is a whole EventBridge envelope
    #[arg(long)]
    pub(super) bare_event: bool,
    /// Give up after this long without progress [default: 10m]
    #[arg(long, value_name = "DURATION")]
    pub(super) give_up_after: Option<String>,
    #[command(flatten)]
    pub(super) admin: AdminArgs,
}
