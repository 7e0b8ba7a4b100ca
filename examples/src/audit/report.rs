//! The report as JSON, which programs read: its members stay as they are.

use coralogix_sink::audit::{AuditReport, AuditTotals, AuditVerdict};
use serde::Serialize;
use serde_json::{Value, json};

use super::refill::Refilled;
use crate::pull::text;

/// What an audit has found, and what it took.
#[derive(Debug)]
pub(super) struct Report<'a> {
    pub(super) found: &'a AuditReport,
    /// Its name in the file of `--config`.
    pub(super) integration: Option<&'a str>,
    /// The address of the org.
    pub(super) org: &'a str,
    /// What was looked for in Coralogix, in words.
    pub(super) target: &'a str,
    /// What to do where nothing was found.
    pub(super) advice: Option<String>,
    /// What was sent, if anything was to be.
    pub(super) refilled: Option<&'a Refilled>,
    pub(super) okta_requests: u64,
    pub(super) seconds: u64,
}

#[derive(Serialize)]
struct Counts {
    in_okta: u64,
    in_coralogix: u64,
    stored: u64,
    missing: u64,
    left_out: u64,
    doubled: u64,
    foreign: u64,
    unverifiable: u64,
}

impl From<AuditTotals> for Counts {
    fn from(totals: AuditTotals) -> Self {
        Self {
            in_okta: totals.in_log,
            in_coralogix: totals.in_coralogix,
            stored: totals.stored,
            missing: totals.missing,
            left_out: totals.left_out,
            doubled: totals.doubled,
            foreign: totals.foreign,
            unverifiable: totals.unverifiable,
        }
    }
}

impl Report<'_> {
    /// The exit code: 0 complete, 3 differences, 5 not verified.
    pub(super) fn exit_code(&self) -> u8 {
        match self.found.verdict() {
            AuditVerdict::Complete => 0,
            AuditVerdict::Differences => 3,
            _ => 5,
        }
    }

    pub(super) fn json(&self) -> Value {
        let found = self.found;
        let hours = found.hours().iter().map(|hour| {
            let mut counts = json!(Counts::from(hour.totals));
            counts["from"] = text(hour.slice.start()).into();
            counts["verified"] = hour.is_verified.into();
            counts
        });
        let missing = found.missing().iter().map(|event| {
            json!({
                "uuid": event.id.to_string(),
                "event_type": event.event_type,
                "published": text(event.published),
                "cause": event.cause.as_str(),
                "detail": event.cause.to_string(),
            })
        });
        let doubled = found.doubled().iter().map(
            |event| json!({ "uuid": event.id.to_string(), "time": text(event.time), "copies": event.copies }),
        );
        let foreign = found.foreign().iter().map(
            |log| json!({ "id": log.id.to_string(), "hour": text(log.hour), "copies": log.copies }),
        );
        let unverified = found.unverified().iter().map(|part| {
            json!({ "from": text(part.slice.start()), "to": text(part.slice.end()), "reason": part.reason })
        });
        json!({
            "verdict": found.verdict().as_str(),
            "from": text(found.range().start()),
            "to": text(found.range().end()),
            "integration": self.integration,
            "org": self.org,
            "target": self.target,
            "advice": self.advice,
            "totals": Counts::from(found.totals()),
            "moved": found.moved(),
            "hours": hours.collect::<Vec<_>>(),
            "missing": missing.collect::<Vec<_>>(),
            "doubled": doubled.collect::<Vec<_>>(),
            "foreign": foreign.collect::<Vec<_>>(),
            "unverified": unverified.collect::<Vec<_>>(),
            "refill": self.refilled.map(Refilled::json),
            "okta_requests": self.okta_requests,
            "coralogix_queries": found.queries(),
            "seconds": self.seconds,
        })
    }
}
