//! The args of `eventbridge_sqs`.

use clap::Parser;

use crate::eventbridge::settings::{RouteArgs, WatchArgs};
use crate::program::pipeline::OnceArgs;

/// Takes the System Log of an Okta org from an SQS queue, which an EventBridge rule fills, and sends it to Coralogix.
///
/// Reads SQS_QUEUE_URL, the settings of AWS's SDK (AWS_REGION, AWS_ACCESS_KEY_ID, AWS_PROFILE, AWS_ENDPOINT_URL, the role of an
/// instance or container), CORALOGIX_DOMAIN (or CORALOGIX_ENDPOINT), CORALOGIX_API_KEY, CORALOGIX_APPLICATION and
/// CORALOGIX_SUBSYSTEM from the environment, and with --heal-after OKTA_ORG_URL and a credential of Okta. Every flag can be given as a
/// variable too: `OKTA_CORALOGIX_<FLAG>`. Without any of them, apart from those of AWS, it runs a demonstration against simulators.
/// Any number of processes may read the same queue, but only one with --heal-after.
#[derive(Debug, Parser)]
#[command(name = "eventbridge_sqs", version)]
pub struct SqsArgs {
    #[command(flatten)]
    pub(super) route: RouteArgs,
    #[command(flatten)]
    pub(super) watch: WatchArgs,
    #[command(flatten)]
    pub(super) once: OnceArgs,
}
