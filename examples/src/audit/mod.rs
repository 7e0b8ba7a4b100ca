//! The `audit` program: what an org's log has against what Coralogix stores.

mod args;
mod check;
pub(crate) mod continuous;
mod demonstration;
#[cfg(test)]
mod killed;
mod letters;
mod of_file;
mod okta;
mod refill;
mod report;
mod run;
mod settings;
mod table;

pub use args::{AuditArgs, AuditGroup, OktaGroup};
pub use continuous::{AuditSides, ContinuousGroup, ContinuousSettings, RefillSides};
pub use refill::RefillGroup;
pub(crate) use settings::filter_of;

use okta_coralogix_core::Result;
use okta_source::Credentials;
use tokio::runtime;

use self::settings::Settings;
use crate::program::log::LogArgs;
use crate::program::progress::Progress;
use crate::program::{Environment, ExitStatus, Program};
use crate::pull::config;

/// The variables of queries.
pub(crate) const QUERY_VARIABLES: [&str; 3] = [
    "CORALOGIX_QUERY_ENDPOINT",
    "CORALOGIX_QUERY_KEY",
    "CORALOGIX_QUERY_KEY_FILE",
];

impl Program for AuditArgs {
    const VARIABLES: &'static [&'static [&'static str]] = &[
        &[config::ORG_URL],
        &Credentials::VARIABLES,
        &QUERY_VARIABLES,
    ];
    const DEMONSTRATION: [&'static str; 2] = [
        "an Okta org and a Coralogix account that lacks some of its events",
        "Set OKTA_ORG_URL, OKTA_API_TOKEN, CORALOGIX_DOMAIN and CORALOGIX_QUERY_KEY, and give --from and --to, for a real run.",
    ];
    type Settings = Settings;
    /// There is none: the report is what there is to say.
    type Summary = ();

    fn log(&mut self) -> &mut LogArgs {
        &mut self.log
    }

    fn settings(self, environment: &Environment) -> Result<Settings> {
        Settings::read(&self, environment)
    }

    async fn run(settings: Settings, progress: Progress) -> Result<ExitStatus<()>> {
        match settings.check {
            true => Ok(check::check(settings.orgs).await),
            false => run::run(settings.orgs, progress).await,
        }
    }

    fn runtime(_: Option<&Settings>) -> runtime::Builder {
        runtime::Builder::new_current_thread()
    }

    async fn demonstrate(progress: Progress) -> Result<ExitStatus<()>> {
        demonstration::run(progress).await
    }
}
