//! The settings of `eventbridge_lambda`, from args and environment.

use okta_coralogix_core::{Error, Result};

use super::LambdaArgs;
use crate::eventbridge::settings::RouteSettings;
use crate::program::Environment;
use crate::program::args::variable;

pub(super) const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";

/// The settings of a function.
#[derive(Debug)]
pub struct Settings {
    pub(super) route: RouteSettings,
}

impl Settings {
    pub(super) fn read(args: LambdaArgs, environment: &Environment) -> Result<Self> {
        // `lambda_runtime` reads its value.
        let advice = "nothing by hand: Lambda sets it, this program runs as a function";
        environment.required(RUNTIME_API, advice)?;
        let admin = variable("--admin-listen");
        if environment.has(&admin) {
            let detail = "a function has no port to listen on; unset it, and read the function's log and AWS's metrics";
            return Err(Error::config(&admin, detail));
        }
        Ok(Self {
            route: RouteSettings::read(args.route, environment)?,
        })
    }
}
