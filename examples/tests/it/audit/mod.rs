//! The `audit` program as a process, between an org and an account on real sockets.

mod continuous;
mod month;
mod orgs;
mod report;

use std::collections::HashMap;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use coralogix_sink::query::EventId;
use okta_coralogix_core::testing::{EventGenerator, GeneratedEvent};
use okta_coralogix_core::{Clock, SystemClock};

use crate::harness::{Exit, Harness, start_program};

/// The flags of most audits: the simulated account answers as often as it is asked.
pub(crate) const RANGE: [&str; 6] = ["--from", "9h", "--to", "1h", "--queries-per-minute", "300"];

/// An event in each minute of six hours, the last two hours ago.
fn events(harness: &Harness) -> Vec<GeneratedEvent> {
    let hour = SystemClock
        .now()
        .duration_trunc(TimeDelta::hours(1))
        .unwrap();
    let mut generator = EventGenerator::new(7);
    let events: Vec<_> = (0..360)
        .map(|minute| generator.event(hour - TimeDelta::hours(8) + TimeDelta::minutes(minute)))
        .collect();
    harness.append(events.iter().map(|event| event.json.clone()));
    harness
        .ingress
        .set_query_account(|account| account.queries_per_minute = 10_000);
    events
}

/// Stores events as `pull` does.
fn store<'a>(harness: &Harness, events: impl IntoIterator<Item = &'a GeneratedEvent>) {
    let stored: Vec<(EventId, DateTime<Utc>)> = events
        .into_iter()
        .map(|event| (EventId::new(&event.uuid), published(event)))
        .collect();
    harness.ingress.store_events("okta", "acme", stored);
}

fn published(event: &GeneratedEvent) -> DateTime<Utc> {
    let json: serde_json::Value = serde_json::from_slice(&event.json).unwrap();
    json["published"].as_str().unwrap().parse().unwrap()
}

fn variables(harness: &Harness) -> HashMap<&'static str, String> {
    let mut variables = harness.variables();
    variables.insert(
        "CORALOGIX_QUERY_ENDPOINT",
        harness.ingress_server.base_url(),
    );
    variables.insert(
        "CORALOGIX_QUERY_KEY",
        harness.ingress.query_key().expose().to_owned(),
    );
    variables
}

async fn audit(harness: &Harness, flags: &[&str]) -> Exit {
    let flags = [&RANGE[..], flags].concat();
    let child = start_program("audit", harness.folder.path(), &variables(harness), &flags);
    let ended = Exit::of(child).await;
    let key = harness.ingress.query_key();
    assert!(
        !format!("{ended:?}").contains(key.expose()),
        "a secret was printed: {ended:?}"
    );
    ended
}

/// The report of `--json`.
fn json(ended: &Exit) -> serde_json::Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"))
}
