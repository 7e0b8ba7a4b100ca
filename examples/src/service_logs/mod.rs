//! The `service_logs` program: each line of standard input becomes a log entry.

mod args;
mod demonstration;
mod entry;
mod lines;
mod run;

pub use args::ServiceLogsArgs;
pub use run::LineCounts;

use coralogix_sink::CoralogixSink;
use okta_coralogix_core::Result;
use tokio::io::BufReader;

use self::entry::Labels;
use crate::coralogix;
use crate::program::progress::Progress;
use crate::program::{Environment, ExitStatus, Program};

/// The settings of a run.
#[derive(Debug)]
pub struct Settings {
    sink: CoralogixSink,
    labels: Labels,
}

impl Program for ServiceLogsArgs {
    const DEMONSTRATION: [&'static str; 2] = [
        "a Coralogix ingress",
        "Set CORALOGIX_DOMAIN and CORALOGIX_API_KEY, and pipe a service's log into it.",
    ];
    type Settings = Settings;
    type Summary = LineCounts;

    fn settings(self, environment: &Environment) -> Result<Settings> {
        Ok(Settings {
            sink: coralogix::sink(environment)?.build()?,
            labels: Labels::read(environment)?,
        })
    }

    async fn run(settings: Settings, _: Progress) -> Result<ExitStatus<LineCounts>> {
        let stdin = BufReader::new(tokio::io::stdin());
        Ok(run::send(settings.sink, &settings.labels, stdin).await)
    }

    async fn demonstrate(_: Progress) -> Result<ExitStatus<LineCounts>> {
        demonstration::run().await
    }
}
