//! The settings of `service_logs`, from the environment.

use std::time::Duration;

use coralogix_sink::CoralogixSink;
use okta_coralogix_core::Result;

use super::ServiceLogsArgs;
use super::entry::Labels;
use crate::program::admin::AdminAddress;
use crate::program::coralogix::{self, APPLICATION, SUBSYSTEM};
use crate::program::missing::Missing;
use crate::program::{Environment, Network};

/// The settings of a run.
#[derive(Debug)]
pub struct Settings {
    pub(super) sink: CoralogixSink,
    pub(super) labels: Labels,
    pub(super) refusal_wait: Duration,
    pub(super) admin: Option<AdminAddress>,
}

impl Settings {
    pub(super) fn read(args: ServiceLogsArgs, environment: &Environment) -> Result<Self> {
        let mut missing = Missing::default();
        coralogix::require(&mut missing, environment);
        missing.check()?;
        let network = Network::read(args.network, environment)?;
        Ok(Self {
            admin: args.admin.address(environment)?,
            sink: coralogix::sink(environment, &network)?.build()?,
            labels: labels(environment)?,
            refusal_wait: args.refusal.wait(environment)?,
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
