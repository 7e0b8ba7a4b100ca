//! The args of `pull`.

use clap::Parser;

use super::position::PositionCommand;
use crate::program::admin::AdminArgs;
use crate::program::log::LogArgs;
use crate::program::network::NetworkArgs;
use crate::program::pipeline::{OnceArgs, PipelineArgs};

/// Pulls the System Log of an Okta org into Coralogix.
///
/// Reads OKTA_ORG_URL, OKTA_API_TOKEN (or OKTA_API_CLIENT_ID with OKTA_API_PRIVATE_KEY), CORALOGIX_DOMAIN (or
/// CORALOGIX_ENDPOINT), CORALOGIX_API_KEY, CORALOGIX_APPLICATION and CORALOGIX_SUBSYSTEM from the environment. Every flag
/// can be given as a variable too: `OKTA_CORALOGIX_<FLAG>`. Without any of them it runs a demonstration against simulators.
#[derive(Debug, Parser)]
#[command(name = "pull", version, args_conflicts_with_subcommands = true)]
pub struct PullArgs {
    #[command(subcommand)]
    pub(super) command: Option<PullCommand>,
    /// Many orgs in one process: a TOML file of integrations
    #[arg(long, value_name = "FILE", global = true)]
    pub(super) config: Option<String>,
    /// With --config: the integration for `position`, and for --from and --to
    #[arg(long, value_name = "NAME", global = true)]
    pub(super) integration: Option<String>,
    /// Where to begin when there is no checkpoint yet: an RFC 3339 time, or how long ago (90m, 24h) [default: 24h]
    #[arg(long, value_name = "TIME|DURATION")]
    pub(super) since: Option<String>,
    /// Read what was published from this time, up to --to, and end: an RFC 3339 time, or how long ago. The range has a checkpoint of its own
    #[arg(long, value_name = "TIME|DURATION")]
    pub(super) from: Option<String>,
    /// Where the range of --from ends
    #[arg(long, value_name = "TIME|DURATION")]
    pub(super) to: Option<String>,
    /// How often to ask for new events [default: 30s]
    #[arg(long, value_name = "DURATION")]
    pub(super) poll_interval: Option<String>,
    /// How often to read the last 10 minutes again, to find what Okta's links have passed; off: never [default: 1h]
    #[arg(long, value_name = "DURATION|off")]
    pub(super) reread_every: Option<String>,
    /// The file of the position [default: okta-coralogix.checkpoint]
    #[arg(long, value_name = "FILE", global = true)]
    pub(super) checkpoint: Option<String>,
    /// The domain of the org before it was changed: its checkpoint is then that of the org
    #[arg(long, value_name = "URL", global = true)]
    pub(super) renamed_from: Option<String>,
    #[command(flatten)]
    pub(super) pipeline: PipelineArgs,
    #[command(flatten)]
    pub(super) once: OnceArgs,
    #[command(flatten)]
    pub(super) network: NetworkArgs,
    #[command(flatten)]
    pub(super) log: LogArgs,
    #[command(flatten)]
    pub(super) admin: AdminArgs,
    /// Write entries to stdout as NDJSON instead of sending them, and what they are a day, by event type, to stderr; no file is touched
    #[arg(long)]
    pub(super) dry_run: bool,
    /// With --dry-run: a page about what would reach Coralogix, in this file, for a browser
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<String>,
    /// Test credentials and reachability of Okta and Coralogix, and send nothing
    #[arg(long)]
    pub(super) check: bool,
}

/// What `pull` does beside pulling.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum PullCommand {
    /// Shows the saved position of an org, or moves it, while no program uses it
    #[command(subcommand)]
    Position(PositionCommand),
}
