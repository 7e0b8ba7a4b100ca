//! A month of an org, with injected gaps: every one is found and nothing else; a refill closes what may be, and the next audit is clean.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use coralogix_sink::audit::{Audit, AuditEvent, AuditReport};
use coralogix_sink::query::{EventFilter, EventId, QueryClient, TimeSlice};
use coralogix_sink::simulator::CoralogixSimulator;
use okta_coralogix_core::event::OktaSeverity;
use okta_coralogix_core::testing::{MemoryCheckpoint, TestClock};
use okta_coralogix_core::{Clock, EventSource, Outcome, Severity};
use okta_source::OktaSource;
use okta_source::simulator::OktaSimulator;

/// In a run of every test. `MONTH_EVENTS=2000000` is the whole month.
const EVENTS: usize = 20_000;
const TOKEN: &str = "00-month-token";
const SINGLES: usize = 17;
const DOUBLES: usize = 400;

const TYPES: [(&str, &str); 6] = [
    ("user.session.start", "INFO"),
    ("user.authentication.sso", "INFO"),
    ("policy.evaluate_sign_on", "INFO"),
    ("user.lifecycle.create", "INFO"),
    ("security.threat.detected", "WARN"),
    ("user.account.lock", "WARN"),
];

struct Month {
    clock: Arc<TestClock>,
    range: TimeSlice,
    events: usize,
}

/// Which gap an event is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    Outage,
    Rule,
    Policy,
    Single,
}

impl Month {
    fn new() -> Self {
        let clock = Arc::new(TestClock::starting_at(
            "2026-11-30T12:00:00Z".parse().unwrap(),
        ));
        let end: DateTime<Utc> = "2026-11-30T11:00:00Z".parse().unwrap();
        let range = TimeSlice::new(end - TimeDelta::days(30), end).unwrap();
        let events = std::env::var("MONTH_EVENTS").map_or(EVENTS, |events| events.parse().unwrap());
        Self {
            clock,
            range,
            events,
        }
    }

    fn at(&self, number: usize) -> DateTime<Utc> {
        let length = (self.range.end() - self.range.start()).num_milliseconds();
        self.range.start() + TimeDelta::milliseconds(length * number as i64 / self.events as i64)
    }

    fn uuid(number: usize) -> String {
        format!("5c0e6b1e-{:04x}-11f1-8de9-{number:012x}", number % 65_536)
    }

    /// Types in an order without a period.
    fn kind(number: usize) -> (&'static str, &'static str) {
        let mixed = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        TYPES[(mixed % TYPES.len() as u64) as usize]
    }

    fn gap(&self, number: usize) -> Option<Gap> {
        let (at, (name, severity)) = (self.at(number), Self::kind(number));
        let within = |days: i64, hours: i64, length: i64| {
            let start = self.range.start() + TimeDelta::days(days) + TimeDelta::hours(hours);
            (start..start + TimeDelta::hours(length)).contains(&at)
        };
        // Two of the outages of the last day may be refilled.
        if within(11, 4, 3) || within(29, 13, 3) {
            Some(Gap::Outage)
        } else if within(14, 0, 48) && name == "user.lifecycle.create" {
            Some(Gap::Rule)
        } else if within(20, 0, 48) && severity == "WARN" {
            Some(Gap::Policy)
        } else if number % (self.events / SINGLES) == self.events / SINGLES / 2
            && number / (self.events / SINGLES) < SINGLES
        {
            Some(Gap::Single)
        } else {
            None
        }
    }

    fn json(&self, number: usize) -> Bytes {
        let (name, severity) = Self::kind(number);
        let published = self
            .at(number)
            .to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        format!(r#"{{"uuid":"{}","published":"{published}","eventType":"{name}","severity":"{severity}"}}"#, Self::uuid(number)).into()
    }

    async fn audit(
        &self,
        org: &OktaSimulator,
        account: &CoralogixSimulator,
    ) -> (AuditReport, usize) {
        let requests = org.request_count();
        let client = QueryClient::builder()
            .query_endpoint("https://api.eu2.coralogix.com")
            .query_key(account.query_key())
            .transport(account.clone())
            .build()
            .unwrap();
        let source = OktaSource::builder()
            .org_url("https://acme.okta.com")
            .api_token(TOKEN)
            .rate_share(0.1)
            .clock(Arc::clone(&self.clock))
            .transport(org.clone())
            .checkpoint(MemoryCheckpoint::default());
        let source = source
            .open_backfill(self.range.start()..self.range.end())
            .await
            .unwrap();
        let log = futures::stream::try_unfold(
            (source, Vec::new().into_iter()),
            async |(mut source, mut events)| loop {
                if let Some(event) = events.next() {
                    return Ok(Some((event, (source, events))));
                }
                let Some(delivery) = source.next().await? else {
                    return Ok(None);
                };
                let read = delivery.items.iter().map(|item| {
                    let event = item.as_ref().unwrap();
                    let kind = event.event_type().unwrap().into_owned();
                    AuditEvent::new(
                        EventId::new(&event.uuid().unwrap()),
                        kind,
                        event.published(),
                    )
                    .severity(severity(event.severity()))
                });
                events = read.collect::<Vec<_>>().into_iter();
                delivery
                    .acker
                    .settle(&vec![Outcome::Settled; delivery.items.len()])
                    .await?;
            },
        );
        let filter = EventFilter::all()
            .application("okta")
            .unwrap()
            .subsystem("acme")
            .unwrap();
        let audit = Audit::new(&client, filter, self.range)
            .clock(Arc::clone(&self.clock) as Arc<dyn Clock>);
        (
            audit.run(log).await.unwrap(),
            org.request_count() - requests,
        )
    }
}

#[tokio::test(start_paused = true)]
async fn every_gap_of_a_month_is_found_and_nothing_else() {
    let month = Month::new();
    let org = OktaSimulator::builder()
        .token(TOKEN)
        .clock(Arc::clone(&month.clock))
        .rate_limit(120)
        .build();
    let account = CoralogixSimulator::builder()
        .clock(Arc::clone(&month.clock))
        .build();
    let (mut lost, mut stored) = (BTreeMap::new(), Vec::new());
    for number in 0..month.events {
        org.append_at(month.at(number), [month.json(number)]);
        match month.gap(number) {
            Some(gap) => drop(lost.insert(EventId::new(&Month::uuid(number)), (gap, number))),
            None => stored.push((EventId::new(&Month::uuid(number)), month.at(number))),
        }
    }
    let doubles: Vec<_> = stored
        .iter()
        .step_by(stored.len() / DOUBLES)
        .take(DOUBLES)
        .cloned()
        .collect();
    account.store_events("okta", "acme", stored);
    account.store_events("okta", "acme", doubles.clone());
    // The simulated account sorts what it has at its first query.
    let client = QueryClient::builder()
        .query_endpoint("https://api.eu2.coralogix.com")
        .query_key(account.query_key());
    let client = client.transport(account.clone()).build().unwrap();
    client
        .count(&EventFilter::all(), month.range)
        .await
        .unwrap()
        .proven()
        .unwrap();
    let before = memory_of("VmRSS:");
    // Forgets the peak so far, where the system can. The tests beside it take memory too, unless it runs alone.
    let is_measured = std::fs::write("/proc/self/clear_refs", "5").is_ok()
        && std::env::var_os("MONTH_EVENTS").is_some();
    let (began, paused) = (Instant::now(), tokio::time::Instant::now());
    let (report, requests) = month.audit(&org, &account).await;
    let found: BTreeSet<_> = report
        .missing()
        .iter()
        .map(|event| event.id.clone())
        .collect();
    assert_eq!(found, lost.keys().cloned().collect(), "nothing else");
    let doubled: BTreeSet<_> = report
        .doubled()
        .iter()
        .map(|event| event.id.clone())
        .collect();
    assert_eq!(doubled, doubles.iter().map(|(id, _)| id.clone()).collect());
    let totals = report.totals();
    assert_eq!(
        (totals.in_log, totals.foreign, totals.unverifiable),
        (month.events as u64, 0, 0)
    );
    // Each by its cause, but for those of two gaps at their edges.
    let mut causes: BTreeMap<Gap, BTreeMap<&str, usize>> = BTreeMap::new();
    for event in report.missing() {
        let (gap, _) = lost[&event.id];
        *causes
            .entry(gap)
            .or_default()
            .entry(event.cause.as_str())
            .or_default() += 1;
    }
    for (gap, cause) in [
        (Gap::Outage, "outage"),
        (Gap::Rule, "rule_pattern"),
        (Gap::Policy, "policy"),
        (Gap::Single, "single"),
    ] {
        let of_gap = &causes[&gap];
        let all: usize = of_gap.values().sum();
        assert_eq!(of_gap.get(cause), Some(&all), "{gap:?}: {of_gap:?}");
    }
    let took = memory_of("VmHWM:").saturating_sub(before) / 1024;
    println!(
        "{} events, {} missing, {} doubled: {requests} requests to Okta, {} queries, {} of simulated time, {:.1} s of this machine, {took} MiB",
        month.events,
        totals.missing,
        totals.doubled,
        report.queries(),
        humantime::format_duration(std::time::Duration::from_secs(paused.elapsed().as_secs())),
        began.elapsed().as_secs_f64(),
    );
    // 64 MiB for a million, to which the pages of the simulated org belong.
    let allowed = 64 + 64 * month.events as u64 / 1_000_000;
    assert!(!is_measured || took <= allowed, "{took} MiB");
    assert!(causes[&Gap::Policy].values().sum::<usize>() > SINGLES);
    // Whatever may be sent again arrives; the next audit has the rest, and the doubles.
    let sent: Vec<_> = lost
        .iter()
        .filter(|(_, (gap, _))| *gap != Gap::Policy)
        .map(|(id, (_, number))| (id.clone(), month.at(*number)))
        .collect();
    let closed = sent.len() as u64;
    account.store_events("okta", "acme", sent);
    let (report, _) = month.audit(&org, &account).await;
    assert_eq!(report.totals().missing, totals.missing - closed);
    assert!(
        report
            .missing()
            .iter()
            .all(|event| event.cause.as_str() == "policy")
    );
}

fn severity(okta: Option<OktaSeverity>) -> Severity {
    match okta {
        Some(OktaSeverity::Warn) => Severity::Warn,
        _ => Severity::Info,
    }
}

/// A figure of this process in KiB; 0 where the system does not tell.
fn memory_of(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or_default()
}
