//! The settings of the Coralogix side, which all programs share.

use coralogix_sink::CoralogixSinkBuilder;
use okta_coralogix_core::mapping::CoralogixMappingBuilder;
use okta_coralogix_core::{CoralogixMapping, Result};

use crate::program::Environment;

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

/// A mapping as the variables say. Where they name no subsystem, `subsystem` does; without that it is left to the mapping.
///
/// # Errors
/// `Config` if a variable is no text, or an empty name.
pub fn mapping(
    environment: &Environment,
    subsystem: Option<&str>,
) -> Result<CoralogixMappingBuilder> {
    let mut mapping = CoralogixMapping::builder();
    if let Some(name) = name(environment, VARIABLES[3], "\"okta\"")? {
        mapping = mapping.application(name);
    }
    let default = subsystem.map_or("the log stream's name".into(), |name| format!("{name:?}"));
    let named = name(environment, VARIABLES[4], &default)?;
    Ok(match named.or(subsystem.map(Into::into)) {
        Some(name) => mapping.subsystem(name),
        None => mapping,
    })
}

/// A name that is set; `default` says what holds if it is not.
fn name(environment: &Environment, variable: &str, default: &str) -> Result<Option<String>> {
    match environment.get(variable)? {
        Some(name) if name.trim().is_empty() => Err(okta_coralogix_core::Error::config(
            variable,
            format!("is empty; write a name, or unset it for {default}"),
        )),
        name => Ok(name.map(|name| name.trim().to_owned())),
    }
}
