//! What `eventbridge_lambda` is asked to do, from flags and variables.

use okta_coralogix_core::Result;

use super::Flags;
use crate::coralogix;
use crate::eventbridge::Shared;
use crate::program::Environment;
use crate::program::args::required;

const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";

/// What the user wants.
#[derive(Debug)]
pub enum Wanted {
    /// Nothing was set.
    Demonstration,
    /// Something was set.
    Real(Box<Settings>),
}

/// The settings of a function.
#[derive(Debug)]
pub struct Settings {
    /// What all programs of the route have.
    pub shared: Shared,
}

impl Wanted {
    /// Reads what was set. Any variable or argument at all means a real function.
    ///
    /// # Errors
    /// `Config`, which names what is missing or wrong and says what to write.
    pub fn read(flags: Flags, any_argument: bool, environment: &Environment) -> Result<Self> {
        let mut variables = [RUNTIME_API]
            .into_iter()
            .chain(coralogix::VARIABLES)
            .chain(Shared::VARIABLES);
        if !any_argument && !variables.any(|name| environment.has(name)) {
            return Ok(Self::Demonstration);
        }
        let what = "nothing by hand: Lambda sets it, this program runs as a function";
        required(environment, RUNTIME_API, what)?;
        let shared = Shared::read(flags.shared, environment)?;
        Ok(Self::Real(Box::new(Settings { shared })))
    }
}
