//! The settings of `service_logs`, from the environment.

use coralogix_sink::CoralogixSink;
use okta_coralogix_core::Result;

use super::entry::Labels;
use crate::program::Environment;
use crate::program::coralogix::{self, APPLICATION, SUBSYSTEM};

/// The settings of a run.
#[derive(Debug)]
pub struct Settings {
    pub(super) sink: CoralogixSink,
    pub(super) labels: Labels,
}

impl Settings {
    pub(super) fn read(environment: &Environment) -> Result<Self> {
        Ok(Self {
            sink: coralogix::sink(environment)?.build()?,
            labels: labels(environment)?,
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
