//! The settings of `service_logs`, from the environment.

use std::time::Duration;

use coralogix_sink::CoralogixSink;
use okta_coralogix_core::{Result, SharedClockOffset};

use super::ServiceLogsArgs;
use super::entry::Labels;
use crate::program::check::CHECK;
use crate::program::coralogix::{self, APPLICATION, SUBSYSTEM};
use crate::program::entry_settings::EntrySettings;
use crate::program::listen::ListenAddress;
use crate::program::missing::Missing;
use crate::program::pipeline_settings::REFUSAL_WAIT;
use crate::program::{Environment, Network};

/// The settings of a run.
#[derive(Debug)]
pub struct Settings {
    pub(super) sink: CoralogixSink,
    pub(super) labels: Labels,
    pub(super) refusal_wait: Duration,
    pub(super) admin: Option<ListenAddress>,
    /// The offset of Coralogix's clock, which the sink stores.
    pub(super) clock: SharedClockOffset,
    /// The proxy on the way to Coralogix.
    pub(super) proxy: Option<String>,
    /// Check instead of run.
    pub(super) check: bool,
}

impl Settings {
    pub(super) fn read(args: &ServiceLogsArgs, environment: &Environment) -> Result<Self> {
        let mut missing = Missing::default();
        coralogix::require(&mut missing, environment);
        missing.check()?;
        let network = Network::read(&args.network, environment)?;
        let entry = EntrySettings::read_limit(&args.entry.values(environment))?;
        let clock = SharedClockOffset::unknown();
        let sink = coralogix::sink(environment, &network, &entry, &clock)?.build()?;
        let proxy = network.proxy_of(sink.endpoint().singles());
        Ok(Self {
            admin: args.admin.address(environment)?,
            proxy: proxy.map(Into::into),
            sink,
            clock,
            check: CHECK.get(&args.check.values(environment))?,
            labels: labels(environment)?,
            refusal_wait: REFUSAL_WAIT.get(&args.refusal.values(environment))?,
        })
    }
}

/// The names in the variables, else the default ones.
fn labels(environment: &Environment) -> Result<Labels> {
    let name = |variable, default: &str| -> Result<String> {
        let name = coralogix::name(environment, variable, &format!("{default:?}"))?;
        Ok(name.unwrap_or_else(|| default.to_owned()))
    };
    let application = name(APPLICATION, Labels::APPLICATION)?;
    let subsystem = name(SUBSYSTEM, Labels::SUBSYSTEM)?;
    Ok(Labels::new(&application, &subsystem))
}
