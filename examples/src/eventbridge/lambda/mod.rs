//! The `eventbridge_lambda` program.

mod args;
mod check;
mod demonstration;
mod error_type;
mod run;
mod settings;

pub use args::LambdaArgs;

use okta_coralogix_core::{Result, Summary};

use self::settings::Settings;
use super::settings::API_KEYS;
use crate::program::log::LogArgs;
use crate::program::progress::Progress;
use crate::program::{Environment, ExitStatus, Program};

impl Program for LambdaArgs {
    const VARIABLES: &'static [&'static [&'static str]] = &[&[settings::RUNTIME_API], &API_KEYS];
    const DEMONSTRATION: [&'static str; 2] = [
        "the API of the Lambda runtime and a Coralogix ingress",
        "As a Lambda function, with CORALOGIX_DOMAIN and CORALOGIX_API_KEY set, it is a real one.",
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

    async fn demonstrate(_: Progress) -> Result<ExitStatus> {
        demonstration::run().await
    }
}
