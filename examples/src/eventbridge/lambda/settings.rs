//! The settings of `eventbridge_lambda`, from args and environment.

use std::path::{Path, PathBuf};

use okta_coralogix_core::{Error, Result, Secret};

use super::LambdaArgs;
use crate::eventbridge::settings::{RouteSettings, api_keys};
use crate::program::args::variable;
use crate::program::missing::{Missing, is_filled};
use crate::program::{Environment, coralogix, is_log};

pub(super) const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";

/// The settings of a function.
#[derive(Debug)]
pub struct Settings {
    pub(super) route: RouteSettings,
    /// Those that requests to the function's URL may have.
    pub(super) keys: Vec<Secret>,
}

impl Settings {
    pub(super) fn read(args: &LambdaArgs, environment: &Environment) -> Result<Self> {
        // `lambda_runtime` reads its value.
        let mut missing = Missing::default();
        if !args.route.checks(environment)? && !is_filled(environment, RUNTIME_API) {
            let detail = "is not set; it is the address of Lambda's runtime, which Lambda sets for its functions: deploy this program as \
                          one (docs/deploy.md), since by hand it only runs with --check";
            missing.add(RUNTIME_API, detail);
        }
        coralogix::require(&mut missing, environment);
        missing.check()?;
        let admin = variable("--admin-listen");
        if environment.has(&admin) {
            let detail = "a function has no port to listen on; unset it, and read the function's log and AWS's metrics";
            return Err(Error::config(&admin, detail));
        }
        let keys = api_keys(environment)?.into_iter().flatten().collect();
        let route = RouteSettings::read(&args.route, environment)?;
        check_outlives(&route.pipeline.dead_letters, environment)?;
        Ok(Self { route, keys })
    }
}

/// # Errors
/// `Config` if the file is gone when Lambda ends this instance of the function.
fn check_outlives(dead_letters: &Path, environment: &Environment) -> Result<()> {
    if is_log(dead_letters) {
        return Ok(());
    }
    let temporary = environment
        .raw("TMPDIR")
        .map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
    let code = environment.raw("LAMBDA_TASK_ROOT").map(PathBuf::from);
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let file = std::path::absolute(dead_letters).unwrap_or_else(|_| dead_letters.to_owned());
    let folder = real(file.parent().unwrap_or(&file));
    let is_within = |root: &PathBuf| folder.starts_with(real(root));
    if !is_within(&temporary) && !code.as_ref().is_some_and(is_within) {
        return Ok(());
    }
    let detail = format!(
        "is {}, which does not outlive this instance of the function; set OKTA_CORALOGIX_DEAD_LETTERS to a file on a mounted file \
         system, such as /mnt/okta/dead-letters.ndjson, or to - for the log",
        file.display()
    );
    Err(Error::config("--dead-letters", detail))
}
