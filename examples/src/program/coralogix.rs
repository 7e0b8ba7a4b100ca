//! The settings of the Coralogix side, which all programs have.

use coralogix_sink::CoralogixSinkBuilder;
use okta_coralogix_core::mapping::CoralogixMappingBuilder;
use okta_coralogix_core::{CoralogixMapping, Error, Result, SharedClockOffset, SystemClock};

use super::entry_settings::{EntrySettings, HASH_SALT, HASH_SALT_FILE, salt};
use super::missing::Missing;
use super::secrets::SecretJudge;
use super::{Environment, Network};

/// The variables of the Coralogix side.
pub const VARIABLES: [&str; 8] = [
    "CORALOGIX_DOMAIN",
    "CORALOGIX_ENDPOINT",
    "CORALOGIX_API_KEY",
    "CORALOGIX_API_KEY_FILE",
    APPLICATION,
    SUBSYSTEM,
    HASH_SALT,
    HASH_SALT_FILE,
];
/// The variable of the application.
pub const APPLICATION: &str = "CORALOGIX_APPLICATION";
/// The variable of the subsystem.
pub const SUBSYSTEM: &str = "CORALOGIX_SUBSYSTEM";

/// The sink of the variables, over `network`, with the bound of an entry. It stores the offset of Coralogix's clock in `clock`.
///
/// # Errors
/// `Config` if a variable is not UTF-8.
pub fn sink(
    environment: &Environment,
    network: &Network,
    entry: &EntrySettings,
    clock: &SharedClockOffset,
) -> Result<CoralogixSinkBuilder> {
    let sink = CoralogixSinkBuilder::from_env(|name| environment.raw(name))?;
    let judge = SecretJudge::of_variables(environment);
    let sink = sink
        .check_api_key(move |name, key| judge.check_variable(name, key))
        .clock_offset(clock.clone(), SystemClock);
    Ok(entry.bound(sink.transport(network.transport())))
}

/// Adds what this side cannot do without.
pub fn require(missing: &mut Missing, environment: &Environment) {
    let [domain, endpoint, key, key_file, ..] = VARIABLES;
    let region =
        "a region such as `EU2` or a domain such as `eu2.coralogix.com`, or set CORALOGIX_ENDPOINT";
    missing.require(environment, &[domain, endpoint], region);
    let advice = "a Send-Your-Data API key (Coralogix, Settings, API Keys), or CORALOGIX_API_KEY_FILE to the path of its file";
    missing.require(environment, &[key, key_file], advice);
}

/// The mapping of the variables, which redacts. If they name no subsystem, it is `subsystem`; without that the mapping chooses one for each
/// event.
///
/// # Errors
/// `Config` if a variable is not UTF-8, or an empty name, or the salt is missing.
pub fn mapping(
    environment: &Environment,
    entry: &EntrySettings,
    subsystem: Option<&str>,
) -> Result<CoralogixMappingBuilder> {
    let salt = salt(environment)?;
    let mut mapping = entry.redact(CoralogixMapping::builder(), (HASH_SALT, salt))?;
    if let Some(application) = name(environment, APPLICATION, "\"okta\"")? {
        mapping = mapping.application(application);
    }
    let default = subsystem.map_or("the log stream's name".into(), |name| format!("{name:?}"));
    let named = name(environment, SUBSYSTEM, &default)?;
    Ok(match named.or(subsystem.map(Into::into)) {
        Some(name) => mapping.subsystem(name),
        None => mapping,
    })
}

/// The name in a variable, if it is set. The error says that `default` is used if it is not.
///
/// # Errors
/// `Config` if it is not UTF-8, or empty.
pub fn name(environment: &Environment, variable: &str, default: &str) -> Result<Option<String>> {
    match environment.get(variable)? {
        Some(name) if name.trim().is_empty() => Err(Error::config(
            variable,
            format!("is empty; write a name, or unset it for {default}"),
        )),
        name => Ok(name.map(|name| name.trim().to_owned())),
    }
}
