//! The `eventbridge_http` program.

mod args;
mod check;
mod demonstration;
mod run;
mod settings;

pub use args::{EndpointGroup, HttpArgs};

use okta_coralogix_core::{Result, Summary};
use okta_source::Credentials;
use tokio::sync::watch;

use self::settings::Settings;
use super::settings::API_KEYS;
use crate::audit::QUERY_VARIABLES;
use crate::program::log::LogArgs;
use crate::program::progress::Progress;
use crate::program::{Environment, ExitStatus, Program};
use crate::pull::config::ORG_URL;

impl Program for HttpArgs {
    const VARIABLES: &'static [&'static [&'static str]] = &[
        &settings::VARIABLES,
        &API_KEYS,
        &[ORG_URL],
        &Credentials::VARIABLES,
        &QUERY_VARIABLES,
    ];
    const DEMONSTRATION: [&'static str; 2] = [
        "an EventBridge API destination and a Coralogix ingress",
        "Set EVENTBRIDGE_API_KEY, CORALOGIX_DOMAIN and CORALOGIX_API_KEY for a real run.",
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

/// Resolves once `stop` is set.
async fn stopped(mut stop: watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}
