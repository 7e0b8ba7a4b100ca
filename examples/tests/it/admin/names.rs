//! The names of the metrics are part of the interface: who renames one empties dashboards and silences alerts.

use std::sync::Arc;
use std::time::Duration;

use eventbridge_source::http::HttpSource;
use okta_coralogix_core::checkpoint::shared::{FolderObjects, SharedStore};
use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::{Clock, SystemClock};
use okta_coralogix_examples::program::metrics::{AuditFigures, Registry, SourceKind};

use super::samples::Samples;

/// All families with their types, in the order of a scrape.
pub(super) const FAMILIES: &[(&str, &str)] = &[
    ("okta_coralogix_build_info", "gauge"),
    ("okta_coralogix_start_time_seconds", "gauge"),
    ("okta_coralogix_dead_letter_bytes", "gauge"),
    ("okta_coralogix_events_received_total", "counter"),
    ("okta_coralogix_events_total", "counter"),
    ("okta_coralogix_events_pending", "gauge"),
    ("okta_coralogix_event_lag_seconds", "histogram"),
    ("okta_coralogix_last_received_timestamp_seconds", "gauge"),
    ("okta_coralogix_running", "gauge"),
    ("okta_coralogix_failing", "gauge"),
    ("okta_coralogix_heartbeat_timestamp_seconds", "gauge"),
    ("okta_coralogix_ingress_requests_total", "counter"),
    (
        "okta_coralogix_ingress_request_duration_seconds",
        "histogram",
    ),
    ("okta_coralogix_ingress_sent_bytes_total", "counter"),
    ("okta_coralogix_throttled_seconds_total", "counter"),
    ("okta_coralogix_log_stream_changes_total", "counter"),
    ("okta_coralogix_okta_requests_total", "counter"),
    ("okta_coralogix_okta_rate_limit_remaining", "gauge"),
    ("okta_coralogix_okta_clock_offset_seconds", "gauge"),
    (
        "okta_coralogix_last_poll_success_timestamp_seconds",
        "gauge",
    ),
    (
        "okta_coralogix_delivered_through_timestamp_seconds",
        "gauge",
    ),
    ("okta_coralogix_cursor_resets_total", "counter"),
    ("okta_coralogix_late_events_total", "counter"),
    ("okta_coralogix_checkpoint_saves_total", "counter"),
    ("okta_coralogix_checkpoint_saved_timestamp_seconds", "gauge"),
    ("okta_coralogix_healed_events_total", "counter"),
    ("okta_coralogix_unverified_events_total", "counter"),
    ("okta_coralogix_dedup_window_events", "gauge"),
    (
        "okta_coralogix_dedup_window_covered_since_timestamp_seconds",
        "gauge",
    ),
    ("okta_coralogix_healing_delay_seconds", "gauge"),
    ("okta_coralogix_push_shared", "gauge"),
    ("okta_coralogix_dedup_window_saves_total", "counter"),
    ("okta_coralogix_replicas_living", "gauge"),
    ("okta_coralogix_state_store_away", "gauge"),
    ("okta_coralogix_lease_held", "gauge"),
    ("okta_coralogix_lease_term", "gauge"),
    ("okta_coralogix_lease_time_left_seconds", "gauge"),
    ("okta_coralogix_lease_changes_total", "counter"),
    ("okta_coralogix_receiver_requests_total", "counter"),
    ("okta_coralogix_queue_bytes", "gauge"),
    ("okta_coralogix_queue_capacity_bytes", "gauge"),
    ("okta_coralogix_receiver_connections", "gauge"),
    ("okta_coralogix_audit_rounds_total", "counter"),
    ("okta_coralogix_audit_events_total", "counter"),
    (
        "okta_coralogix_audit_verified_through_timestamp_seconds",
        "gauge",
    ),
    ("okta_coralogix_audit_last_proof_timestamp_seconds", "gauge"),
    ("okta_coralogix_audit_refilled_events_total", "counter"),
    ("okta_coralogix_audit_refill_stopped", "gauge"),
];

/// A scrape of a program that has everything, before anything has happened.
pub(super) async fn scrape_of_everything() -> String {
    let folder = tempfile::tempdir().unwrap();
    let letters = folder.path().join("letters");
    let registry = Registry::new(Arc::new(SystemClock), Some(letters));
    let pull = registry.monitor("acme", SourceKind::Pull);
    let again = registry.monitor("acme", SourceKind::Pull);
    drop((pull, again));
    let endpoint = HttpSource::builder().api_key("key").build().unwrap();
    let receiver = registry.monitor("acme", SourceKind::EventBridge);
    receiver.endpoint(endpoint.handle());
    let now = SystemClock.now();
    receiver.audit(Arc::new(AuditFigures::beginning(now)));
    let hour = Duration::from_secs(3600);
    let healing = registry.monitor("acme", SourceKind::Healing);
    let window = DedupWindow::retaining(hour, 1000, Arc::new(SystemClock));
    healing.heals(hour / 4, window);
    let objects = FolderObjects::open(folder.path()).await.unwrap();
    registry.replica(SharedStore::new(objects).join(["acme".to_owned()]));
    registry.scrape(Duration::from_secs(5)).await
}

#[tokio::test]
async fn metric_names_and_types_are_pinned() {
    let text = scrape_of_everything().await;
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let types: Vec<_> = types.map(|line| line.split_once(' ').unwrap()).collect();
    assert_eq!(types, FAMILIES);
    let helps = text.lines().filter(|line| line.starts_with("# HELP "));
    assert_eq!(helps.count(), FAMILIES.len());
}

#[tokio::test]
async fn every_counter_begins_at_zero() {
    let samples = Samples::parse(&scrape_of_everything().await);
    let count = |name: &str| {
        let prefix = format!("okta_coralogix_{name}{{org=\"acme\",source=\"pull\"");
        let series = samples.series();
        series.filter(|series| series.starts_with(&prefix)).count()
    };
    for (name, series) in [
        ("events_received_total", 1),
        ("events_total", 6),
        ("event_lag_seconds_bucket", 10),
        ("failing", 4),
        ("ingress_requests_total", 9),
        ("ingress_sent_bytes_total", 2),
        ("throttled_seconds_total", 3),
        ("log_stream_changes_total", 6),
        ("okta_requests_total", 7),
        ("checkpoint_saves_total", 3),
        ("lease_changes_total", 4),
        // Not known yet, and 0 would be the year 1970.
        ("delivered_through_timestamp_seconds", 0),
        ("checkpoint_saved_timestamp_seconds", 0),
        ("last_poll_success_timestamp_seconds", 1),
    ] {
        assert_eq!(count(name), series, "{name}");
    }
    for counter in [
        "events_total",
        "ingress_requests_total",
        "receiver_requests_total",
    ] {
        assert_eq!(samples.sum(counter, &[]), 0.0);
    }
}
