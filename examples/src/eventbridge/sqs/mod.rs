//! The `eventbridge_sqs` program.

mod args;
mod check;
mod demonstration;
mod first_messages;
mod run;
mod settings;
mod start;

pub use args::SqsArgs;

use eventbridge_source::sqs::AwsQueue;
use okta_coralogix_core::{Result, Summary};
use okta_source::Credentials;

use self::settings::Settings;
use crate::audit::QUERY_VARIABLES;
use crate::program::log::LogArgs;
use crate::program::progress::Progress;
use crate::program::{Environment, ExitStatus, Network, Program};
use crate::pull::config::ORG_URL;

/// The proxy on the way to the queue.
fn proxy_of<'a>(queue: &AwsQueue, network: &'a Network) -> Option<&'a str> {
    network.proxy_of(&queue.origin().parse().ok()?)
}

impl Program for SqsArgs {
    /// AWS's own do not count: they may be set for other programs.
    const VARIABLES: &'static [&'static [&'static str]] = &[
        &[settings::QUEUE_URL, ORG_URL],
        &Credentials::VARIABLES,
        &QUERY_VARIABLES,
    ];
    const DEMONSTRATION: [&'static str; 2] = [
        "an SQS queue and a Coralogix ingress",
        "Set SQS_QUEUE_URL, CORALOGIX_DOMAIN and CORALOGIX_API_KEY for a real run.",
    ];
    type Settings = Settings;
    type Summary = Summary;

    fn log(&mut self) -> &mut LogArgs {
        &mut self.route.log
    }

    fn settings(self, environment: &Environment) -> Result<Settings> {
        Settings::read(&self, environment)
    }

    async fn run(settings: Settings, progress: Progress) -> Result<ExitStatus> {
        if settings.route.check {
            return Ok(check::check(settings).await);
        }
        run::run(settings, progress).await
    }

    async fn demonstrate(progress: Progress) -> Result<ExitStatus> {
        demonstration::run(progress).await
    }
}
