//! The `pull` program.

mod args;
mod audited;
mod check;
pub mod config;
mod config_source;
mod demonstration;
mod dry_run;
mod position;
mod range;
mod replicas;
pub(crate) mod required;
mod run;
mod run_many;
pub(crate) mod settings;
mod shared_org;
mod stores;

pub use args::{CONFIG, DRY_RUN, ModeGroup, PullArgs, PullCommand, RangeGroup};
pub(crate) use args::{ONE_ORG, ORGS_FILE};
pub use position::PositionCommand;
pub(crate) use position::{check_kept, text};
pub(crate) use range::RangeTimes;
pub use replicas::ReplicaGroup;
pub(crate) use replicas::{SharedState, check_store};

use std::thread::available_parallelism;

use okta_coralogix_core::{Result, Summary};
use okta_source::Credentials;
use tokio::runtime;

use self::settings::Settings;
use crate::audit::QUERY_VARIABLES;
use crate::program::log::LogArgs;
use crate::program::progress::Progress;
use crate::program::{Environment, ExitStatus, Program};

/// Threads for the disk, for names of hosts and for large bodies. Each may hold a descriptor, and one is kept by each org whose disk
/// does not answer.
const BLOCKING_THREADS: usize = 64;

impl Program for PullArgs {
    const VARIABLES: &'static [&'static [&'static str]] = &[
        &[config::ORG_URL],
        &Credentials::VARIABLES,
        &QUERY_VARIABLES,
    ];
    const DEMONSTRATION: [&'static str; 2] = [
        "an Okta org and a Coralogix ingress",
        "Set OKTA_ORG_URL, OKTA_API_TOKEN, CORALOGIX_DOMAIN and CORALOGIX_API_KEY for a real run.",
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
        match settings {
            Settings::Org(org) => run::run(*org, progress).await,
            Settings::Many(many) => run_many::run(*many, progress).await,
            Settings::Range(range) => range::run(*range, progress).await,
            Settings::Position(position) => position::run(position).await,
        }
    }

    fn runtime(settings: Option<&Settings>) -> runtime::Builder {
        let Some(Settings::Many(_)) = settings else {
            // One org keeps no second core busy, and costs less without one.
            return runtime::Builder::new_current_thread();
        };
        // At least two, so that an org which reads a huge page keeps the others waiting on no machine.
        let threads = available_parallelism().map_or(2, |cores| cores.get().max(2));
        let mut runtime = runtime::Builder::new_multi_thread();
        runtime.worker_threads(threads);
        runtime.max_blocking_threads(BLOCKING_THREADS);
        runtime
    }

    async fn demonstrate(progress: Progress) -> Result<ExitStatus> {
        demonstration::run(progress).await
    }
}

#[cfg(test)]
mod tests {
    use tokio::runtime::RuntimeFlavor;

    use super::*;

    #[test]
    fn config_file_runs_on_at_least_two_threads() {
        let many = settings::ManySettings {
            pipeline: crate::program::pipeline_settings::PipelineSettings::default(),
            integrations: Vec::new(),
            source: None,
            shared: None,
            once: None,
            check: false,
            dry_run: None,
            admin: None,
        };
        let many = PullArgs::runtime(Some(&Settings::Many(Box::new(many)))).build();
        let many = many.unwrap();
        assert_eq!(many.handle().runtime_flavor(), RuntimeFlavor::MultiThread);
        assert!(many.metrics().num_workers() >= 2);
        let one = PullArgs::runtime(None).build().unwrap();
        assert_eq!(one.handle().runtime_flavor(), RuntimeFlavor::CurrentThread);
    }
}
