//! The families of audits beside the delivery.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::audit::AuditFigures;
use super::exposition::{Exposition, Kind};
use super::families::Row;
use super::series::unix_seconds;

/// Of pipelines that are audited.
pub(super) fn audit(text: &mut Exposition, rows: &[Row]) {
    let audits = rows
        .iter()
        .filter_map(|row| Some((row, row.watched.audit()?)));
    let audits: Vec<(&Row, Arc<AuditFigures>)> = audits.collect();
    if audits.is_empty() {
        return;
    }
    let help = "Rounds of the audit, by what they found. failed: Okta or Coralogix did not answer.";
    let name = "okta_coralogix_audit_rounds_total";
    let mut family = text.family(name, Kind::Counter, help);
    for (row, figures) in &audits {
        for (outcome, count) in figures.rounds.read() {
            family.sample(&row.labels_and("outcome", outcome), count);
        }
    }
    let help = "Events that are missing or doubled in Coralogix, and logs that are foreign, each counted once: when its time is verified.";
    let name = "okta_coralogix_audit_events_total";
    let mut family = text.family(name, Kind::Counter, help);
    for (row, figures) in &audits {
        for (result, count) in figures.events.read() {
            family.sample(&row.labels_and("result", result), count);
        }
    }
    let help = "Every event that was published before is verified; at first, where the first round begins.";
    let name = "okta_coralogix_audit_verified_through_timestamp_seconds";
    let mut family = text.family(name, Kind::Gauge, help);
    for (row, figures) in &audits {
        let through = figures.latest().verified_through;
        family.sample(&row.labels(), unix_seconds(through));
    }
    let help = "When a round of the audit last verified anything.";
    let name = "okta_coralogix_audit_last_proof_timestamp_seconds";
    let mut family = text.family(name, Kind::Gauge, help);
    for (row, figures) in &audits {
        if let Some(proof) = figures.latest().proof {
            family.sample(&row.labels(), unix_seconds(proof));
        }
    }
    let help = "Missing events that rounds have sent, and Coralogix has accepted.";
    let name = "okta_coralogix_audit_refilled_events_total";
    let mut family = text.family(name, Kind::Counter, help);
    for (row, figures) in &audits {
        family.sample(&row.labels(), figures.refilled.load(Ordering::Relaxed));
    }
    let help = "1 while refills are stopped until a person acts.";
    let name = "okta_coralogix_audit_refill_stopped";
    let mut family = text.family(name, Kind::Gauge, help);
    for (row, figures) in &audits {
        let is_stopped = figures.refill_stopped.load(Ordering::Relaxed);
        family.sample(&row.labels(), u8::from(is_stopped));
    }
}
