//! The names of all families, and their samples. They are part of the interface: dashboards and alerts are written with them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use okta_coralogix_core::Summary;
use okta_coralogix_core::checkpoint::shared::ReplicaStatus;
use okta_coralogix_core::observe::Stage;
use okta_coralogix_core::pipeline::Disposition;

use super::audit_families::audit;
use super::exposition::{Exposition, Kind};
use super::histogram::Histogram;
use super::monitor::Watched;
use super::registry::VersionInfo;
use super::replicas;
use super::runs::Totals;
use super::series::{CounterBy, LatestTime, unix_seconds};
use super::source_kind::SourceKind;

/// What a scrape shows.
pub(super) struct Scraped<'a> {
    pub(super) started: DateTime<Utc>,
    /// Bytes of the dead letters, if they are known.
    pub(super) letters: Option<u64>,
    pub(super) ingress_duration: &'a Histogram,
    pub(super) pipelines: Vec<Arc<Watched>>,
    /// Set where replicas share logs.
    pub(super) replica: Option<ReplicaStatus>,
}

/// One pipeline, with the counts of its events at one moment.
pub(super) struct Row {
    pub(super) watched: Arc<Watched>,
    totals: Totals,
}

impl Row {
    pub(super) fn labels(&self) -> [(&'static str, &str); 2] {
        [
            ("org", &self.watched.name),
            ("source", self.watched.source.as_str()),
        ]
    }

    pub(super) fn labels_and<'a>(
        &'a self,
        name: &'static str,
        value: &'a str,
    ) -> [(&'static str, &'a str); 3] {
        let [org, source] = self.labels();
        [org, source, (name, value)]
    }
}

/// The ends of events, by the keys of the summary.
fn outcomes(summary: &Summary) -> [(&'static str, u64); 6] {
    [
        (Disposition::Delivered, summary.delivered),
        (Disposition::TooOld, summary.too_old),
        (Disposition::Duplicate, summary.duplicate),
        (Disposition::Filtered, summary.filtered),
        (Disposition::DeadLettered, summary.dead_lettered),
        (Disposition::HandedBack, summary.handed_back),
    ]
    .map(|(disposition, count)| (disposition.as_str(), count))
}

/// The text of a scrape.
pub(super) fn text(scraped: &Scraped<'_>) -> String {
    let rows = scraped.pipelines.iter();
    let rows: Vec<_> = rows
        .map(|watched| Row {
            totals: watched.totals(),
            watched: Arc::clone(watched),
        })
        .collect();
    let mut text = Exposition::default();
    process(&mut text, scraped);
    let piped = kept(&rows, |source| source != SourceKind::Lines);
    events(&mut text, &piped);
    runs(&mut text, &piped);
    ingress(&mut text, &rows, scraped.ingress_duration);
    let live = kept(&rows, |source| {
        matches!(
            source,
            SourceKind::Pull | SourceKind::EventBridge | SourceKind::Healing
        )
    });
    let help = "What Okta's own events say about its log streams. One that is deactivated or deleted sends nothing any more.";
    let name = "okta_coralogix_log_stream_changes_total";
    counters(&mut text, &live, [name, help, "change"], |of| {
        &of.log_streams
    });
    let pulled = kept(&rows, |source| {
        matches!(source, SourceKind::Pull | SourceKind::Healing)
    });
    okta(&mut text, &pulled);
    checkpoint(&mut text, &pulled);
    let healing = kept(&rows, |source| source == SourceKind::Healing);
    healed(&mut text, &healing);
    if let Some(replica) = &scraped.replica {
        replicas::families(&mut text, replica);
    }
    let listening: Vec<_> = rows
        .iter()
        .filter(|row| row.watched.endpoint().is_some())
        .collect();
    endpoint(&mut text, &listening);
    audit(&mut text, &rows);
    text.into_text()
}

fn kept(rows: &[Row], which: impl Fn(SourceKind) -> bool) -> Vec<&Row> {
    let rows = rows.iter();
    rows.filter(|row| which(row.watched.source)).collect()
}

fn process(text: &mut Exposition, scraped: &Scraped<'_>) {
    let VersionInfo { version, revision } = VersionInfo::CURRENT;
    let help = "Always 1; the labels say which build this is.";
    text.family("okta_coralogix_build_info", Kind::Gauge, help)
        .sample(&[("version", version), ("revision", revision)], 1);
    let help = "When the program was started.";
    text.family("okta_coralogix_start_time_seconds", Kind::Gauge, help)
        .sample(&[], unix_seconds(scraped.started));
    if let Some(bytes) = scraped.letters {
        let help = "Bytes of the dead letters on the disk, in the file and in those that were rotated away from it.";
        text.family("okta_coralogix_dead_letter_bytes", Kind::Gauge, help)
            .sample(&[], bytes);
    }
}

fn events(text: &mut Exposition, rows: &[&Row]) {
    let help = "Events that the source has given, repeats included. The sum of the outcomes and of what is pending.";
    let mut family = text.family("okta_coralogix_events_received_total", Kind::Counter, help);
    for row in rows {
        family.sample(&row.labels(), row.totals.summary.received);
    }
    let help = "Events that have ended, by how: each one once.";
    let mut family = text.family("okta_coralogix_events_total", Kind::Counter, help);
    for row in rows {
        for (outcome, count) in outcomes(&row.totals.summary) {
            family.sample(&row.labels_and("outcome", outcome), count);
        }
    }
    let help = "Events that were received and have not ended.";
    let mut family = text.family("okta_coralogix_events_pending", Kind::Gauge, help);
    for row in rows {
        family.sample(&row.labels(), row.totals.pending);
    }
    let help = "From published to accepted by Coralogix.";
    let mut family = text.family("okta_coralogix_event_lag_seconds", Kind::Histogram, help);
    for row in rows {
        family.histogram(&row.labels(), &row.watched.lag);
    }
    let help = "When the source last gave an event; at first, when the program was started.";
    let name = "okta_coralogix_last_received_timestamp_seconds";
    times(text, rows, [name, help], |of| &of.times.received);
}

fn runs(text: &mut Exposition, rows: &[&Row]) {
    let help = "1 while the pipeline runs, 0 before, after and while it waits to be opened again.";
    let mut family = text.family("okta_coralogix_running", Kind::Gauge, help);
    for row in rows {
        let runs = row.totals.state.is_running();
        family.sample(&row.labels(), u8::from(runs));
    }
    let help = "1 for a part of the pipeline that fails and is retried.";
    let mut family = text.family("okta_coralogix_failing", Kind::Gauge, help);
    for row in rows {
        let stages = [
            Stage::Source,
            Stage::Sink,
            Stage::DeadLetters,
            Stage::Settlement,
        ];
        for stage in stages {
            let fails = row.totals.faults().iter().any(|fault| fault.stage == stage);
            let labels = row.labels_and("stage", stage.as_str());
            family.sample(&labels, u8::from(fails));
        }
    }
    let help = "When the pipeline was last seen not to hang, by a scrape or a probe of /livez.";
    let name = "okta_coralogix_heartbeat_timestamp_seconds";
    times(text, rows, [name, help], |of| &of.times.alive);
}

fn ingress(text: &mut Exposition, rows: &[Row], duration: &Histogram) {
    let rows: Vec<_> = rows.iter().collect();
    let help = "Requests to Coralogix, each attempt, by how they ended. ambiguous: its response was lost, so that events may arrive twice.";
    let name = "okta_coralogix_ingress_requests_total";
    counters(text, &rows, [name, help, "outcome"], |of| {
        &of.ingress.requests
    });
    let help = "From the beginning of a request to Coralogix to its end.";
    let name = "okta_coralogix_ingress_request_duration_seconds";
    text.family(name, Kind::Histogram, help)
        .histogram(&[], duration);
    let help =
        "Bytes of bodies that Coralogix accepted, before (raw) and after (wire) compression.";
    let name = "okta_coralogix_ingress_sent_bytes_total";
    counters(text, &rows, [name, help, "stage"], |of| &of.ingress.bytes);
    let help = "Waits for a budget, summed over requests: asked for by Okta or Coralogix, or kept by the program itself.";
    let name = "okta_coralogix_throttled_seconds_total";
    let mut family = text.family(name, Kind::Counter, help);
    for row in &rows {
        for (by, micros) in row.watched.ingress.throttled.read() {
            family.sample(&row.labels_and("by", by), micros as f64 / 1e6);
        }
    }
}

fn okta(text: &mut Exposition, rows: &[&Row]) {
    let help = "Requests to the System Log API, each attempt, by how they ended.";
    let name = "okta_coralogix_okta_requests_total";
    counters(text, rows, [name, help, "outcome"], |of| &of.okta.requests);
    let help = "Requests that may still be made in Okta's present window.";
    let mut family = text.family(
        "okta_coralogix_okta_rate_limit_remaining",
        Kind::Gauge,
        help,
    );
    for row in rows {
        if let Some(left) = row.watched.okta.budget_left() {
            family.sample(&row.labels(), left);
        }
    }
    let help = "How far Okta's clock is ahead of the host's; negative: behind.";
    let mut family = text.family(
        "okta_coralogix_okta_clock_offset_seconds",
        Kind::Gauge,
        help,
    );
    for row in rows {
        let millis = row.watched.okta.clock_offset.load(Ordering::Relaxed);
        family.sample(&row.labels(), millis as f64 / 1000.0);
    }
    let help =
        "When Okta last gave a page, an empty one too; at first, when the program was started.";
    let name = "okta_coralogix_last_poll_success_timestamp_seconds";
    times(text, rows, [name, help], |of| &of.times.poll);
    let help = "Every event that was published before is settled. Moves with empty polls too.";
    let name = "okta_coralogix_delivered_through_timestamp_seconds";
    times(text, rows, [name, help], |of| &of.times.through);
    let help = "Okta has refused a cursor, and an earlier time was read again.";
    let name = "okta_coralogix_cursor_resets_total";
    single(text, rows, [name, help], |of| &of.okta.resets);
    let help = "Events that Okta stored late, found by reading the overlap again.";
    let name = "okta_coralogix_late_events_total";
    single(text, rows, [name, help], |of| &of.okta.late);
}

fn checkpoint(text: &mut Exposition, rows: &[&Row]) {
    let help = "Pages whose events are settled, by whether the position behind them was saved.";
    let name = "okta_coralogix_checkpoint_saves_total";
    counters(text, rows, [name, help, "outcome"], |of| &of.saves);
    let help = "When the position was last saved.";
    let name = "okta_coralogix_checkpoint_saved_timestamp_seconds";
    times(text, rows, [name, help], |of| &of.times.saved);
}

fn healed(text: &mut Exposition, rows: &[&Row]) {
    if rows.is_empty() {
        return;
    }
    let help = "Events that were not pushed, and were read from the System Log and delivered: those that the push route has lost, or brings late.";
    let name = "okta_coralogix_healed_events_total";
    let mut family = text.family(name, Kind::Counter, help);
    for row in rows {
        family.sample(&row.labels(), row.totals.summary.healed);
    }
    let help = "Healed events that may have been pushed all the same, since the window does not know any more what was: they may have arrived twice.";
    let name = "okta_coralogix_unverified_events_total";
    let mut family = text.family(name, Kind::Counter, help);
    for row in rows {
        family.sample(&row.labels(), row.totals.summary.unverified);
    }
    let help = "Delivered events that are remembered, to tell what was pushed.";
    let name = "okta_coralogix_dedup_window_events";
    let mut family = text.family(name, Kind::Gauge, help);
    for row in rows {
        if let Some((window, _)) = row.watched.window() {
            family.sample(&row.labels(), window.len());
        }
    }
    let help = "From when on all delivered events are remembered.";
    let name = "okta_coralogix_dedup_window_covered_since_timestamp_seconds";
    let mut family = text.family(name, Kind::Gauge, help);
    for row in rows {
        let window = row.watched.window();
        if let Some(since) = window.and_then(|(window, _)| window.covered_since()) {
            family.sample(&row.labels(), unix_seconds(since));
        }
    }
    let help = "How long after it was published an event is healed that was not pushed.";
    let name = "okta_coralogix_healing_delay_seconds";
    let mut family = text.family(name, Kind::Gauge, help);
    for row in rows {
        if let Some((_, delay)) = row.watched.window() {
            family.sample(&row.labels(), delay.as_secs_f64());
        }
    }
    let help = "1 while many events are not pushed, among others of the same time that are: another process seems to receive them.";
    let name = "okta_coralogix_push_shared";
    let mut family = text.family(name, Kind::Gauge, help);
    for row in rows {
        let is_shared = row.watched.push_is_shared.load(Ordering::Relaxed);
        family.sample(&row.labels(), u8::from(is_shared));
    }
    let help = "Saves of the window of delivered events, by whether it was stored.";
    let name = "okta_coralogix_dedup_window_saves_total";
    counters(text, rows, [name, help, "outcome"], |of| &of.window_saves);
}

fn endpoint(text: &mut Exposition, rows: &[&Row]) {
    if rows.is_empty() {
        return;
    }
    let help = "Requests of API destinations, by the status that they were answered with.";
    let name = "okta_coralogix_receiver_requests_total";
    counters(text, rows, [name, help, "status"], |of| &of.answers);
    let status = |row: &Row| row.watched.endpoint().map(|endpoint| endpoint.status());
    let figures = [
        (
            "okta_coralogix_queue_bytes",
            "Bytes of requests that are being read or wait for their outcome.",
        ),
        (
            "okta_coralogix_queue_capacity_bytes",
            "The bound of these bytes: more are answered 503.",
        ),
        (
            "okta_coralogix_receiver_connections",
            "Open connections of the endpoint.",
        ),
    ];
    for (figure, (name, help)) in figures.into_iter().enumerate() {
        let mut family = text.family(name, Kind::Gauge, help);
        for row in rows {
            if let Some(status) = status(row) {
                let values = [
                    status.buffered_bytes,
                    status.max_buffered_bytes,
                    status.connections,
                ];
                family.sample(&row.labels(), values[figure]);
            }
        }
    }
}

/// A counter for each value of a label.
fn counters(
    text: &mut Exposition,
    rows: &[&Row],
    [name, help, label]: [&'static str; 3],
    of: impl Fn(&Watched) -> &CounterBy,
) {
    let mut family = text.family(name, Kind::Counter, help);
    for row in rows {
        for (value, count) in of(&row.watched).read() {
            family.sample(&row.labels_and(label, value), count);
        }
    }
}

/// A counter without a label of its own.
fn single(
    text: &mut Exposition,
    rows: &[&Row],
    [name, help]: [&'static str; 2],
    of: impl Fn(&Watched) -> &AtomicU64,
) {
    let mut family = text.family(name, Kind::Counter, help);
    for row in rows {
        let count = of(&row.watched).load(Ordering::Relaxed);
        family.sample(&row.labels(), count);
    }
}

/// Times that are known.
fn times(
    text: &mut Exposition,
    rows: &[&Row],
    [name, help]: [&'static str; 2],
    of: impl Fn(&Watched) -> &LatestTime,
) {
    let mut family = text.family(name, Kind::Gauge, help);
    for row in rows {
        if let Some(time) = of(&row.watched).get() {
            family.sample(&row.labels(), unix_seconds(time));
        }
    }
}
