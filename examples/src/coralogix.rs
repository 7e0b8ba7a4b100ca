//! The settings of the Coralogix side, which all programs share.

use coralogix_sink::CoralogixSinkBuilder;
use okta_coralogix_core::mapping::CoralogixMappingBuilder;
use okta_coralogix_core::{CoralogixMapping, Result};

use crate::environment::Environment;

/// The variables of the Coralogix side.
pub const VARIABLES: [&str; 5] = [
    "CORALOGIX_DOMAIN",
    "CORALOGIX_ENDPOINT",
    "CORALOGIX_API_KEY",
    "CORALOGIX_APPLICATION",
    "CORALOGIX_SUBSYSTEM",
];

/// A sink as the variables say.
///
/// # Errors
/// `Config` if a variable is no text.
pub fn sink(environment: &Environment) -> Result<CoralogixSinkBuilder> {
    let mut found = Vec::new();
    for name in &VARIABLES[..3] {
        found.push((*name, environment.get(name)?));
    }
    Ok(CoralogixSinkBuilder::from_env(|name| {
        found.iter().find(|(known, _)| *known == name)?.1.clone()
    }))
}

/// A mapping as the variables say; `subsystem` where they name none.
///
/// # Errors
/// `Config` if a variable is no text, or an empty name.
pub fn mapping(environment: &Environment, subsystem: &str) -> Result<CoralogixMappingBuilder> {
    let application = name(environment, VARIABLES[3], "okta")?;
    let subsystem = name(environment, VARIABLES[4], subsystem)?;
    Ok(CoralogixMapping::builder()
        .application(application)
        .subsystem(subsystem))
}

fn name(environment: &Environment, variable: &str, default: &str) -> Result<String> {
    match environment.get(variable)? {
        None => Ok(default.to_owned()),
        Some(name) if name.trim().is_empty() => Err(okta_coralogix_core::Error::config(
            variable,
            format!("is empty; write a name, or unset it for {default:?}"),
        )),
        Some(name) => Ok(name.trim().to_owned()),
    }
}
