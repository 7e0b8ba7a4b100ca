//! The args of `eventbridge_http`.

use clap::Parser;

use crate::eventbridge::settings::{RouteArgs, WatchArgs};

/// Receives the System Log of an Okta org from an EventBridge API destination and sends it to Coralogix.
///
/// Reads LISTEN (127.0.0.1:8080), EVENTBRIDGE_API_KEY, EVENTBRIDGE_API_KEY_PREVIOUS, EVENTBRIDGE_BASIC, EVENTBRIDGE_BEARER_TOKEN,
/// CORALOGIX_DOMAIN (or CORALOGIX_ENDPOINT), CORALOGIX_API_KEY, CORALOGIX_APPLICATION and CORALOGIX_SUBSYSTEM from the
/// environment. Every flag can be given as a variable too: `OKTA_CORALOGIX_<FLAG>`. Without any of them it runs a
/// demonstration against simulators.
#[derive(Debug, Parser)]
#[command(name = "eventbridge_http", version)]
pub struct HttpArgs {
    #[command(flatten)]
    pub(super) route: RouteArgs,
    #[command(flatten)]
    pub(super) watch: WatchArgs,
    /// The path that EventBridge posts events to [default: /aws/event-bridge]
    #[arg(long, value_name = "PATH")]
    pub(super) path: Option<String>,
    /// The header of the API key [default: x-amz-event-bridge-access-key]
    #[arg(long, value_name = "NAME")]
    pub(super) api_key_header: Option<String>,
    /// Let requests name application and subsystem by the headers cx-application-name and cx-subsystem-name
    #[arg(long)]
    pub(super) names_from_headers: bool,
}
