//! The `service_logs` program: each line of standard input becomes a log entry.

mod args;
mod check;
mod demonstration;
mod entry;
mod lines;
mod run;
mod settings;

pub use args::ServiceLogsArgs;
pub use run::LineCounts;

use okta_coralogix_core::Result;
use tokio::io::BufReader;

use self::settings::Settings;
use crate::program::admin::Admin;
use crate::program::log::LogArgs;
use crate::program::metrics::SourceKind;
use crate::program::progress::Progress;
use crate::program::{Environment, ExitStatus, Program};

impl Program for ServiceLogsArgs {
    const DEMONSTRATION: [&'static str; 2] = [
        "a Coralogix ingress",
        "Set CORALOGIX_DOMAIN and CORALOGIX_API_KEY, and pipe a service's log into it.",
    ];
    type Settings = Settings;
    type Summary = LineCounts;

    fn log(&mut self) -> &mut LogArgs {
        &mut self.log
    }

    fn settings(self, environment: &Environment) -> Result<Settings> {
        Settings::read(&self, environment)
    }

    async fn run(settings: Settings, _: Progress) -> Result<ExitStatus<LineCounts>> {
        if settings.check {
            return Ok(check::check(settings).await);
        }
        let admin = Admin::start(settings.admin.clone(), None)?;
        let monitor = admin.monitor("service_logs", SourceKind::Lines);
        let stdin = BufReader::new(tokio::io::stdin());
        Ok(run::send(settings, monitor, stdin).await)
    }

    async fn demonstrate(_: Progress) -> Result<ExitStatus<LineCounts>> {
        demonstration::run().await
    }
}
