//! `--check` of the audit beside the delivery: whether its key is taken, and sees logs of the org.

use chrono::{DurationRound, TimeDelta};
use coralogix_sink::query::{Answer, TimeSlice};
use okta_coralogix_core::{Clock, Error, ErrorKind, Result, SystemClock};

use super::AuditSides;
use crate::program::check::Report;

/// How far back logs are counted.
const SEEN: TimeDelta = TimeDelta::hours(24);

/// Adds a line for the queries of `sides`.
pub(crate) async fn check_audit(report: &mut Report, sides: Result<AuditSides>) {
    let counted = async {
        let sides = sides?;
        let now = SystemClock.now();
        let end = now.duration_trunc(TimeDelta::seconds(1)).unwrap_or(now);
        let range = TimeSlice::new(end - SEEN, end)?;
        let base = sides.client.endpoint().base_url();
        match sides.client.count(&sides.filter, range).await? {
            // The first event may be to come.
            Answer::Proven(logs) => Ok(format!(
                "{base} answers, and has {logs} logs of {} of the last 24 hours",
                sides.target
            )),
            Answer::Unproven(unproven) if unproven.halves().is_some() => Ok(format!(
                "{base} answers; 24 hours at once are no proof, and are asked about in parts"
            )),
            Answer::Unproven(unproven) => Err(Error::new(
                ErrorKind::UnexpectedResponse,
                unproven.to_string(),
            )),
        }
    };
    report.add("audit", counted.await);
}
