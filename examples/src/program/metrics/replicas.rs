//! The logs that replicas share, as this one has them.

use std::time::Duration;

use okta_coralogix_core::checkpoint::shared::{LogStatus, ReplicaStatus};

use super::exposition::{Exposition, Kind};
use super::source_kind::SourceKind;

/// The families of a replica.
pub(super) fn families(text: &mut Exposition, replica: &ReplicaStatus) {
    let help = "Replicas that live, as this one sees them, itself among them.";
    text.family("okta_coralogix_replicas_living", Kind::Gauge, help)
        .sample(&[], replica.living);
    let help = "1 while the store of the shared positions cannot be reached: no replica sends what it cannot record.";
    text.family("okta_coralogix_state_store_away", Kind::Gauge, help)
        .sample(&[], u8::from(replica.is_store_away()));
    let help = "1 while this replica holds the log of the org and its lease lasts: over all replicas the sum is 1.";
    let mut family = text.family("okta_coralogix_lease_held", Kind::Gauge, help);
    for log in &replica.logs {
        family.sample(&labels(log), u8::from(is_held(log)));
    }
    let help = "How often the log of the org was taken, by any replica, as this one has seen it.";
    let mut family = text.family("okta_coralogix_lease_term", Kind::Gauge, help);
    for log in &replica.logs {
        family.sample(&labels(log), log.term);
    }
    let help = "How long this replica may send without renewing its lease; 0 if it holds none.";
    let name = "okta_coralogix_lease_time_left_seconds";
    let mut family = text.family(name, Kind::Gauge, help);
    for log in &replica.logs {
        let left = log.time_left.filter(|_| log.is_own).unwrap_or_default();
        family.sample(&labels(log), left.as_secs_f64());
    }
    let help = "How often this replica has taken the log of the org, lost it to another one, released it at its own wish, or handed it over to one that asked.";
    let name = "okta_coralogix_lease_changes_total";
    let mut family = text.family(name, Kind::Counter, help);
    for log in &replica.logs {
        for (change, count) in [
            ("taken", log.taken),
            ("lost", log.lost),
            ("released", log.released - log.handed_over),
            ("handed_over", log.handed_over),
        ] {
            let [org, source] = labels(log);
            family.sample(&[org, source, ("change", change)], count);
        }
    }
}

fn is_held(log: &LogStatus) -> bool {
    log.is_own && log.time_left.is_some_and(|left| left > Duration::ZERO)
}

fn labels(log: &LogStatus) -> [(&str, &str); 2] {
    [("org", &log.name), ("source", SourceKind::Pull.as_str())]
}
