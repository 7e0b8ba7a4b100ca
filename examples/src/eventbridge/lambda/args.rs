//! The args of `eventbridge_lambda`.

use clap::Parser;

use crate::eventbridge::settings::RouteArgs;

/// An AWS Lambda function that takes the System Log of an Okta org from EventBridge, or from an SQS queue, and sends it to Coralogix.
///
/// Lambda sets AWS_LAMBDA_RUNTIME_API. Reads CORALOGIX_DOMAIN (or CORALOGIX_ENDPOINT), CORALOGIX_API_KEY, CORALOGIX_APPLICATION
/// and CORALOGIX_SUBSYSTEM from the environment, and EVENTBRIDGE_API_KEY if the function has a URL. A function has no flags; each is a variable: `OKTA_CORALOGIX_<FLAG>`. The file
/// of dead letters must be on a file system that outlives the function; `-` writes them to the log. Without any variable it runs a
/// demonstration against simulators.
#[derive(Debug, Parser)]
#[command(name = "eventbridge_lambda", version)]
pub struct LambdaArgs {
    #[command(flatten)]
    pub(super) route: RouteArgs,
}
