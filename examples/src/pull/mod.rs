//! The `pull` program.

mod args;
mod check;
pub mod config;
mod demonstration;
mod logged_dead_letters;
mod run;
mod run_many;
mod settings;

pub use args::PullArgs;

use okta_coralogix_core::{Result, Summary};
use okta_source::Credentials;

use self::settings::Settings;
use crate::program::progress::Progress;
use crate::program::{Environment, ExitStatus, Program};

impl Program for PullArgs {
    const VARIABLES: &'static [&'static [&'static str]] =
        &[&[settings::ORG_URL], &Credentials::VARIABLES];
    const DEMONSTRATION: [&'static str; 2] = [
        "an Okta org and a Coralogix ingress",
        "Set OKTA_ORG_URL, OKTA_API_TOKEN, CORALOGIX_DOMAIN and CORALOGIX_API_KEY for a real run.",
    ];
    type Settings = Settings;
    type Summary = Summary;

    fn settings(self, environment: &Environment) -> Result<Settings> {
        Settings::read(self, environment)
    }

    async fn run(settings: Settings, progress: Progress) -> Result<ExitStatus> {
        match settings {
            Settings::Org(org) => run::run(*org, progress).await,
            Settings::Many(many) => run_many::run(many, progress).await,
        }
    }

    async fn demonstrate(progress: Progress) -> Result<ExitStatus> {
        demonstration::run(progress).await
    }
}
