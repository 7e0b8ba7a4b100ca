//! `/status`: what each pipeline does, for people.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use okta_coralogix_core::checkpoint::shared::ReplicaStatus;
use serde_json::{Value, json};

use crate::program::metrics::{Registry, VersionInfo, Watched};

/// The status of the program as JSON.
pub(super) async fn status(registry: &Registry) -> Value {
    let now = registry.now();
    let pipelines: Vec<_> = registry
        .watched()
        .iter()
        .map(|watched| pipeline(watched, now))
        .collect();
    json!({
        "version": VersionInfo::CURRENT.version,
        "revision": VersionInfo::CURRENT.revision,
        "started": time(Some(registry.started())),
        "dead_letter_bytes": registry.dead_letter_bytes().await,
        "pipelines": pipelines,
        "replica": registry.replica_status().as_ref().map(replica),
    })
}

/// What this replica holds, and who holds the rest.
fn replica(status: &ReplicaStatus) -> Value {
    let logs: Vec<_> = status
        .logs
        .iter()
        .map(|log| {
            json!({
                "name": log.name,
                "holder": log.holder,
                "is_own": log.is_own,
                "term": log.term,
                "time_left_seconds": log.time_left.map(|left| left.as_secs_f64()),
                "is_handing_over": log.is_handing_over,
                "taken": log.taken,
                "lost": log.lost,
                "released": log.released,
                "handed_over": log.handed_over,
            })
        })
        .collect();
    json!({
        "name": status.holder,
        "living": status.living,
        "quota": status.quota,
        "store_away_seconds": status.store_away_for.map(|away| away.as_secs_f64()),
        "logs": logs,
    })
}

fn pipeline(watched: &Watched, now: DateTime<Utc>) -> Value {
    let totals = watched.totals();
    let since = |lasts: Duration| TimeDelta::from_std(lasts).ok().map(|lasts| now - lasts);
    let faults: Vec<_> = totals
        .faults()
        .iter()
        .map(|fault| {
            json!({
                "stage": fault.stage.as_str(),
                "since": time(since(fault.lasts)),
                "error": fault.error,
            })
        })
        .collect();
    let last = totals.last.as_ref();
    let endpoint = watched.endpoint().map(|endpoint| {
        let status = endpoint.status();
        json!({
            "connections": status.connections,
            "buffered_bytes": status.buffered_bytes,
            "max_buffered_bytes": status.max_buffered_bytes,
        })
    });
    let audit = watched.audit().map(|figures| {
        let latest = figures.latest();
        json!({
            "verified_through": time(Some(latest.verified_through)),
            "last_proof": time(latest.proof),
            "last_round": latest.round,
        })
    });
    json!({
        "name": watched.name,
        "source": watched.source.as_str(),
        "state": totals.state.as_str(),
        "down": totals.down,
        "counts": totals.summary,
        "pending": totals.pending,
        "deliveries": last.map(|last| last.deliveries),
        "requests": last.map(|last| last.requests),
        "last_progress": time(last.and_then(|last| last.since_progress).and_then(since)),
        "last_received": time(watched.times.received.get()),
        "last_poll": time(watched.times.poll.get()),
        "delivered_through": time(watched.times.through.get()),
        "faults": faults,
        "endpoint": endpoint,
        "audit": audit,
    })
}

fn time(time: Option<DateTime<Utc>>) -> Option<String> {
    time.map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true))
}
