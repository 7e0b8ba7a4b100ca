//! The `eventbridge_lambda` program.

mod args;
mod dead_letters;
mod demonstration;
mod run;

pub use args::LambdaArgs;

use okta_coralogix_core::{Result, Summary};

use super::settings::RouteSettings;
use crate::program::progress::Progress;
use crate::program::{Environment, ExitStatus, Program};

const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";

/// The settings of a function.
#[derive(Debug)]
pub struct Settings(RouteSettings);

impl Program for LambdaArgs {
    const VARIABLES: &'static [&'static [&'static str]] = &[&[RUNTIME_API]];
    const DEMONSTRATION: [&'static str; 2] = [
        "the API of the Lambda runtime and a Coralogix ingress",
        "As a Lambda function, with CORALOGIX_DOMAIN and CORALOGIX_API_KEY set, it is a real one.",
    ];
    type Settings = Settings;
    type Summary = Summary;

    fn settings(self, environment: &Environment) -> Result<Settings> {
        let advice = "nothing by hand: Lambda sets it, this program runs as a function";
        environment.required(RUNTIME_API, advice)?;
        RouteSettings::read(self.route, environment).map(Settings)
    }

    async fn run(settings: Settings, progress: Progress) -> Result<ExitStatus> {
        run::run(settings.0, progress).await
    }

    async fn demonstrate(_: Progress) -> Result<ExitStatus> {
        demonstration::run().await
    }
}
