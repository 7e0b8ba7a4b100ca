//! The args of `service_logs`.

use clap::Parser;

use crate::program::admin::AdminArgs;
use crate::program::check::CheckArgs;
use crate::program::entry_settings::EntryLimitArgs;
use crate::program::log::LogArgs;
use crate::program::network::NetworkArgs;
use crate::program::pipeline_settings::RefusalArgs;

/// Sends each line of standard input to Coralogix as a log entry.
///
/// Reads CORALOGIX_DOMAIN (or CORALOGIX_ENDPOINT), CORALOGIX_API_KEY, CORALOGIX_APPLICATION and CORALOGIX_SUBSYSTEM from the
/// environment. Every flag can be given as a variable too: `OKTA_CORALOGIX_<FLAG>`. Without any of them it runs a demonstration
/// against a simulator.
#[derive(Debug, Parser)]
#[command(name = "service_logs", version)]
pub struct ServiceLogsArgs {
    #[command(flatten)]
    pub(super) network: NetworkArgs,
    #[command(flatten)]
    pub(super) refusal: RefusalArgs,
    #[command(flatten)]
    pub(super) entry: EntryLimitArgs,
    #[command(flatten)]
    pub(super) log: LogArgs,
    #[command(flatten)]
    pub(super) admin: AdminArgs,
    #[command(flatten)]
    pub(super) check: CheckArgs,
}
