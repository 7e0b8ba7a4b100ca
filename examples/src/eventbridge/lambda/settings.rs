//! The settings of `eventbridge_lambda`, from args and environment.

use okta_coralogix_core::Result;

use super::LambdaArgs;
use crate::eventbridge::settings::RouteSettings;
use crate::program::Environment;

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
        Ok(Self {
            route: RouteSettings::read(args.route, environment)?,
        })
    }
}
