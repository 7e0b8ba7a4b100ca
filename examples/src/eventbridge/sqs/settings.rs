//! What `eventbridge_sqs` is asked to do, from flags and variables.

use std::time::Duration;

use okta_coralogix_core::{Error, Result};

use super::Flags;
use crate::coralogix;
use crate::eventbridge::Shared;
use crate::program::Environment;
use crate::program::args::{Args, required};

const QUEUE_URL: &str = "SQS_QUEUE_URL";

/// What the user wants.
#[derive(Debug)]
pub enum Wanted {
    /// Nothing was set.
    Demonstration,
    /// Something was set.
    Real(Box<Settings>),
}

/// The settings of a real run.
#[derive(Debug)]
pub struct Settings {
    /// The queue.
    pub queue_url: String,
    /// Set: stop when it is empty, and give up after this long without progress.
    pub once: Option<Duration>,
    /// What all programs of the route have.
    pub shared: Shared,
}

impl Wanted {
    /// Reads what was set. Any variable or argument at all means a real run; AWS's own do not count, since they may be set for other
    /// programs.
    ///
    /// # Errors
    /// `Config`, which names what is missing or wrong and says what to write.
    pub fn read(flags: Flags, any_argument: bool, environment: &Environment) -> Result<Self> {
        let mut variables = [QUEUE_URL]
            .into_iter()
            .chain(coralogix::VARIABLES)
            .chain(Shared::VARIABLES)
            .chain(Flags::VARIABLES);
        if !any_argument && !variables.any(|name| environment.has(name)) {
            return Ok(Self::Demonstration);
        }
        Settings::read(flags, environment).map(|settings| Self::Real(Box::new(settings)))
    }
}

impl Settings {
    fn read(flags: Flags, environment: &Environment) -> Result<Self> {
        let given = Args { environment };
        let what =
            "the URL of the queue, such as https://sqs.eu-west-1.amazonaws.com/123456789012/okta";
        let queue_url = required(environment, QUEUE_URL, what)?.trim().to_owned();
        if !queue_url.starts_with("https://") && !queue_url.starts_with("http://") {
            let detail = format!("is {queue_url:?}, which is no URL; set it to {what}");
            return Err(Error::config(QUEUE_URL, detail));
        }
        let flag = "--give-up-after";
        let give_up = given.duration("GIVE_UP_AFTER", flag, flags.give_up_after, "10m")?;
        Ok(Self {
            queue_url,
            once: given.switch("ONCE", flags.once)?.then_some(give_up),
            shared: Shared::read(flags.shared, environment)?,
        })
    }
}
