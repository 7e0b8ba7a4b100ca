//! What the settings of all programs need: the variable of a flag, and errors that name a setting.

use std::fmt::Display;

use okta_coralogix_core::Error;
use okta_coralogix_core::filter::{AgeFilter, AgePolicy};

/// The environment variable of a flag.
#[must_use]
pub fn variable(flag: &str) -> String {
    let name = flag.trim_start_matches('-').replace('-', "_");
    format!("OKTA_CORALOGIX_{}", name.to_uppercase())
}

/// The 24-hour rule with this policy.
#[must_use]
pub fn age_filter(too_old: AgePolicy) -> AgeFilter {
    AgeFilter::new(AgeFilter::DEFAULT_LIMIT, too_old)
}

/// Puts the name of a setting in front of an error.
pub fn in_setting(setting: impl Display) -> impl Fn(Error) -> Error {
    move |error| Error::new(error.kind(), format!("{setting}: {error}"))
}
