//! The `replay` program: sends dead letters once more.

mod args;
mod check;
mod demonstration;
mod letters;
mod plan;
mod run;
mod settings;
mod total;
mod without_target;

pub use args::{ReplayArgs, ReplayGroup};
pub(crate) use run::read as event_of;

use okta_coralogix_core::{Result, Summary};

use self::settings::Settings;
use crate::program::log::LogArgs;
use crate::program::progress::Progress;
use crate::program::{Environment, ExitStatus, Program};

impl Program for ReplayArgs {
    const DEMONSTRATION: [&'static str; 2] = [
        "a file of dead letters and a Coralogix ingress",
        "Set CORALOGIX_DOMAIN and CORALOGIX_API_KEY, and give the file by --dead-letters, for a real run.",
    ];
    type Settings = Settings;
    type Summary = Summary;

    fn log(&mut self) -> &mut LogArgs {
        &mut self.log
    }

    fn settings(self, environment: &Environment) -> Result<Settings> {
        Settings::read(&self, environment)
    }

    async fn run(settings: Settings, progress: Progress) -> Result<ExitStatus> {
        if settings.check {
            return Ok(check::check(settings).await);
        }
        run::run(settings, progress).await
    }

    async fn demonstrate(progress: Progress) -> Result<ExitStatus> {
        demonstration::run(progress).await
    }
}
