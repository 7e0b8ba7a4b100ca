//! Rounds between simulated remotes, under injected time.

mod refills;
mod refused;
mod rounds;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use coralogix_sink::query::{EventFilter, EventId, QueryClient};
use coralogix_sink::simulator::CoralogixSimulator;
use okta_coralogix_core::internal::{Disk, OsDisk};
use okta_coralogix_core::testing::{EventGenerator, GeneratedEvent, TestClock};
use okta_coralogix_core::{Clock, Error, Result};
use okta_source::OktaSource;
use okta_source::simulator::OktaSimulator;
use serde_json::Value;
use tokio::time::sleep;

use super::ranges::Ranges;
use super::state::Record;
use super::*;
use crate::program::metrics::AuditFigures;

const TOKEN: &str = "00-audit-token";
const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

/// The delay of the audits.
const DELAY: TimeDelta = TimeDelta::hours(1);

/// An org with an event in each minute, and an account that lacks some of them. It is noon.
struct World {
    clock: Arc<TestClock>,
    org: OktaSimulator,
    account: CoralogixSimulator,
    folder: tempfile::TempDir,
    events: Vec<GeneratedEvent>,
    figures: Arc<AuditFigures>,
    /// The secrets cannot be read.
    is_locked: Arc<AtomicBool>,
    turns: AuditTurns,
}

fn noon() -> DateTime<Utc> {
    "2026-11-30T12:00:00Z".parse().unwrap()
}

/// The minute of the events.
fn minute(event: i64) -> DateTime<Utc> {
    noon() - TimeDelta::hours(12) + TimeDelta::minutes(event)
}

impl World {
    /// Events from midnight on to noon two days later; those of `is_lost`, by their minute since midnight, are not stored.
    fn new(is_lost: impl Fn(i64) -> bool) -> Self {
        Self::with_losses(is_lost, |_| 0)
    }

    /// As [`new`](Self::new), with so many more events in a minute, none of which is stored.
    fn with_losses(is_lost: impl Fn(i64) -> bool, losses: impl Fn(i64) -> i64) -> Self {
        let clock = Arc::new(TestClock::starting_at(noon()));
        let org = OktaSimulator::builder()
            .token(TOKEN)
            .clock(Arc::clone(&clock))
            .rate_limit(1_000)
            .build();
        let account = CoralogixSimulator::builder()
            .clock(Arc::clone(&clock))
            .build();
        let mut generator = EventGenerator::new(5);
        let (mut events, mut stored) = (Vec::new(), Vec::new());
        for number in 0..60 * 60 {
            let published = minute(number);
            let event = generator.event(published);
            org.append_at(published, [event.json.clone()]);
            if !is_lost(number) {
                stored.push((EventId::new(&event.uuid), published));
            }
            events.push(event);
            for loss in 1..=losses(number) {
                let published = published + TimeDelta::milliseconds(loss);
                let (time, id) = (published.to_rfc3339(), number * 10_000 + loss);
                let json = format!(
                    r#"{{"uuid":"5c0e6b1e-0000-41f1-8de9-{id:012}","published":"{time}","eventType":"user.session.start"}}"#
                );
                org.append_at(published, [json]);
            }
        }
        account.store_events("okta", "acme", stored);
        let world = Self {
            clock,
            org,
            account,
            folder: tempfile::tempdir().unwrap(),
            events,
            figures: Arc::new(AuditFigures::beginning(noon())),
            is_locked: Arc::default(),
            turns: AuditTurns::default(),
        };
        world.begun("okta.audit.json");
        world
    }

    /// An audit that has begun: its first round is that of 10:01 to 11:01.
    fn begun(&self, file: &str) {
        self.keep(
            file,
            &Record::new("https://acme.okta.com", Ranges::beginning(minute(601))),
        );
    }

    fn keep(&self, file: &str, record: &Record) {
        let state = serde_json::to_vec(record).unwrap();
        std::fs::write(self.folder.path().join(file), state).unwrap();
    }

    fn sides(&self) -> AuditSides {
        let client = QueryClient::builder()
            .query_endpoint("https://api.eu2.coralogix.com")
            .query_key(self.account.query_key())
            .give_up_after(Duration::from_secs(120))
            .transport(self.account.clone());
        AuditSides {
            org: "https://acme.okta.com".into(),
            source: OktaSource::builder()
                .org_url("https://acme.okta.com")
                .api_token(TOKEN)
                .transport(self.org.clone()),
            client: Arc::new(client.build().unwrap()),
            filter: EventFilter::all()
                .application("okta")
                .unwrap()
                .subsystem("acme")
                .unwrap(),
            target: "subsystem \"acme\"".into(),
            refill: None,
        }
    }

    fn parts(&self, disk: impl Disk) -> AuditorParts {
        let (sides, is_locked) = (self.sides(), Arc::clone(&self.is_locked));
        AuditorParts {
            name: "acme".into(),
            every: HOUR,
            options: RoundOptions {
                delay: DELAY.to_std().unwrap(),
                event_types: None,
                dead_letters: None,
                integration: None,
                clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            },
            connect: Arc::new(move || match is_locked.load(Ordering::SeqCst) {
                false => Ok(sides.clone()),
                true => Err(Error::config("query_key", "cannot be read")),
            }),
            state: self.folder.path().join("okta.audit.json"),
            disk: Arc::new(disk),
            delivered: None,
            turns: self.turns.clone(),
            figures: Arc::clone(&self.figures),
            refill: None,
        }
    }

    fn start(&self) -> Auditor {
        Auditor::start(self.parts(OsDisk))
    }

    /// Rounds by outcome: complete, differences, unverified, failed.
    fn rounds(&self) -> [u64; 4] {
        self.figures.rounds_by_outcome()
    }

    fn found(&self) -> [u64; 3] {
        self.figures.events_by_result()
    }

    /// Minutes since midnight.
    fn verified_through(&self) -> i64 {
        (self.figures.latest().verified_through - minute(0)).num_minutes()
    }

    fn last(&self) -> Value {
        self.figures.latest().round.unwrap()
    }
}
