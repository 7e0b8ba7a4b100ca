//! A log of events, and an account that has stored it but for what a test takes away.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use coralogix_sink::audit::{Audit, AuditEvent, AuditReport, AuditTotals};
use coralogix_sink::query::{EventFilter, EventId, QueryClient, QueryClientBuilder, TimeSlice};
use coralogix_sink::simulator::CoralogixSimulator;
use futures::stream;
use okta_coralogix_core::testing::TestClock;
use okta_coralogix_core::{Clock, Result, Severity};

pub(super) const APPLICATION: &str = "okta";
pub(super) const SUBSYSTEM: &str = "acme";

/// The types of the log, with their severities.
const TYPES: [(&str, Severity); 8] = [
    ("user.session.start", Severity::Info),
    ("user.session.end", Severity::Info),
    ("user.authentication.sso", Severity::Info),
    ("policy.evaluate_sign_on", Severity::Info),
    ("user.lifecycle.create", Severity::Info),
    ("user.account.lock", Severity::Warn),
    ("security.threat.detected", Severity::Warn),
    ("system.agent.error", Severity::Error),
];

pub(super) fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(super) fn id(number: usize) -> EventId {
    EventId::new(&format!("3bcf1b0a-0f44-11f1-8de9-{number:012x}"))
}

/// The range of all audits: a day.
pub(super) fn day() -> TimeSlice {
    TimeSlice::new(time("2026-11-27T00:00:00Z"), time("2026-11-28T00:00:00Z")).unwrap()
}

/// Events of a range, at even distances.
pub(super) fn log(range: TimeSlice, events: usize) -> Vec<AuditEvent> {
    let step = (range.end() - range.start()).num_milliseconds() / events.max(1) as i64;
    let at = |number: usize| range.start() + TimeDelta::milliseconds(step * number as i64);
    // Types in an order that has no period.
    let kind = |number: usize| TYPES[(number * number / 3 + number) % TYPES.len()];
    (0..events)
        .map(|number| {
            let (name, severity) = kind(number);
            AuditEvent::new(id(number), name, at(number)).severity(severity)
        })
        .collect()
}

/// An account, at noon of the day behind the range.
pub(super) struct Account {
    pub(super) simulator: CoralogixSimulator,
    pub(super) clock: Arc<TestClock>,
}

impl Account {
    pub(super) fn new() -> Self {
        let clock = Arc::new(TestClock::starting_at(time("2026-11-28T12:00:00Z")));
        let simulator = CoralogixSimulator::builder()
            .clock(Arc::clone(&clock))
            .build();
        Self { simulator, clock }
    }

    /// One that has stored these events once each.
    pub(super) fn with<'a>(events: impl IntoIterator<Item = &'a AuditEvent>) -> Self {
        let account = Self::new();
        account.store(events);
        account
    }

    pub(super) fn store<'a>(&self, events: impl IntoIterator<Item = &'a AuditEvent>) {
        let stored = events
            .into_iter()
            .map(|event| (event.id.clone().unwrap(), event.published));
        self.store_at(stored);
    }

    pub(super) fn store_at(&self, events: impl IntoIterator<Item = (EventId, DateTime<Utc>)>) {
        self.simulator.store_events(APPLICATION, SUBSYSTEM, events);
    }

    pub(super) fn builder(&self) -> QueryClientBuilder {
        let builder = QueryClient::builder().query_endpoint("https://api.eu2.coralogix.com");
        builder
            .query_key(self.simulator.query_key())
            .transport(self.simulator.clone())
            .seed(7)
    }

    pub(super) async fn audit(&self, log: &[AuditEvent]) -> AuditReport {
        self.audit_with(&self.builder().build().unwrap(), log, |audit| audit)
            .await
            .unwrap()
    }

    pub(super) async fn audit_with<'a>(
        &self,
        client: &'a QueryClient,
        log: &[AuditEvent],
        change: impl FnOnce(Audit<'a>) -> Audit<'a>,
    ) -> Result<AuditReport> {
        let audit =
            Audit::new(client, filter(), day()).clock(Arc::clone(&self.clock) as Arc<dyn Clock>);
        let report = change(audit)
            .run(stream::iter(log.iter().cloned().map(Ok)))
            .await?;
        assert_balanced(report.totals());
        for hour in report.hours() {
            assert_balanced(hour.totals);
        }
        assert_eq!(report.missing().len() as u64, report.totals().missing);
        Ok(report)
    }
}

pub(super) fn filter() -> EventFilter {
    let filter = EventFilter::all().application(APPLICATION).unwrap();
    filter.subsystem(SUBSYSTEM).unwrap()
}

/// Each event of the log ended in one way.
fn assert_balanced(totals: AuditTotals) {
    let ended = totals.stored + totals.missing + totals.left_out + totals.unverifiable;
    assert_eq!(totals.in_log, ended, "{totals:?}");
}

/// The ids that a report calls missing.
pub(super) fn missing(report: &AuditReport) -> Vec<EventId> {
    let mut ids: Vec<_> = report
        .missing()
        .iter()
        .map(|event| event.id.clone())
        .collect();
    ids.sort_unstable();
    ids
}
