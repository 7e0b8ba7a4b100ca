//! The settings of `eventbridge_sqs`, from args and environment.

use std::time::Duration;

use okta_coralogix_core::{Error, Result};

use super::SqsArgs;
use crate::eventbridge::audit::ReceiverAudit;
use crate::eventbridge::healing::{HealSettings, check_beside_audit};
use crate::eventbridge::settings::{RouteSettings, WatchSettings};
use crate::program::missing::Missing;
use crate::program::{Environment, coralogix};

pub(super) const QUEUE_URL: &str = "SQS_QUEUE_URL";

/// The settings of a run.
#[derive(Debug)]
pub struct Settings {
    pub(super) queue_url: String,
    /// Set: stop when the queue is empty, and give up after this long without progress.
    pub(super) once: Option<Duration>,
    pub(super) route: RouteSettings,
    pub(super) watch: WatchSettings,
    /// Set: the org is audited beside the delivery.
    pub(super) audit: Option<ReceiverAudit>,
}

impl Settings {
    pub(super) fn read(args: &SqsArgs, environment: &Environment) -> Result<Self> {
        let advice =
            "the URL of the queue, such as https://sqs.eu-west-1.amazonaws.com/123456789012/okta";
        let mut missing = Missing::default();
        missing.require(environment, &[QUEUE_URL], advice);
        coralogix::require(&mut missing, environment);
        let once = args.once.once(environment)?;
        ReceiverAudit::require(&args.watch.audit, &mut missing, environment, once.is_some())?;
        HealSettings::require(&args.watch.heal, &mut missing, environment)?;
        missing.check()?;
        let queue_url = environment.get(QUEUE_URL)?.unwrap_or_default();
        let queue_url = queue_url.trim().to_owned();
        if !queue_url.starts_with("https://") && !queue_url.starts_with("http://") {
            let detail = format!("is {queue_url:?}, which is no URL; set it to {advice}");
            return Err(Error::config(QUEUE_URL, detail));
        }
        let route = RouteSettings::read(&args.route, environment)?;
        let audit = ReceiverAudit::read(
            (&args.watch.audit, &args.route),
            environment,
            &route,
            once.is_some(),
        )?;
        let watch = WatchSettings::read(&args.watch, environment, &route, "eventbridge_sqs")?;
        if let (Some(_), Some(_)) = (once, &watch.heal) {
            let detail = "cannot be combined with --heal-after, which follows the log for as long as it grows; give one of them";
            return Err(Error::config("--once", detail));
        }
        check_beside_audit(watch.heal.as_ref(), audit.is_some())?;
        Ok(Self {
            queue_url,
            once,
            audit,
            route,
            watch,
        })
    }
}
