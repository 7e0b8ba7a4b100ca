//! A receiver that heals, as a process between an org, an ingress, and what pushes.

use std::collections::HashMap;

use bytes::Bytes;
use eventbridge_source::simulator::{ApiDestination, Authorization};
use okta_coralogix_core::testing::{EventGenerator, GeneratedEvent};
use okta_coralogix_core::{Clock, SystemClock};
use okta_source::simulator::{OktaServer, OktaSimulator};

use crate::admin::samples::{Program, Samples};
use crate::eventbridge_http::{self, harness::envelope};
use crate::harness::TOKEN;

/// Healing with a delay that is over by the time that an event is in the org.
pub(super) const FLAGS: &[&str] = &["--heal-after", "1s", "--bare-event"];

pub(super) const HEALED: &[&str] = &["source=\"healing\""];
pub(super) const PUSHED: &[&str] = &["source=\"eventbridge\""];

pub(super) struct Harness {
    pub(super) org: OktaSimulator,
    pub(super) org_server: OktaServer,
    pub(super) receiver: eventbridge_http::harness::Harness,
}

impl Harness {
    pub(super) async fn new() -> Self {
        let org = OktaSimulator::builder().token(TOKEN).rate_limit(100_000);
        let org = org.build();
        Self {
            org_server: org.serve().await.unwrap(),
            org,
            receiver: eventbridge_http::harness::Harness::new().await,
        }
    }

    /// The variables of a good run.
    pub(super) fn variables(&self) -> HashMap<&'static str, String> {
        let mut variables = self.receiver.variables();
        variables.insert("OKTA_ORG_URL", self.org_server.base_url());
        variables.insert("OKTA_API_TOKEN", TOKEN.into());
        variables
    }

    pub(super) async fn start(&self) -> Program {
        let folder = self.receiver.folder.path();
        Program::start("eventbridge_http", folder, &self.variables(), FLAGS).await
    }

    /// The events are in the log of the org.
    pub(super) fn log(&self, events: &[GeneratedEvent]) {
        let events = events.iter().map(|event| event.json.clone());
        self.org.append_all(events);
    }

    /// How often each event arrived, by uuid.
    pub(super) fn arrived(&self) -> HashMap<String, usize> {
        let ledger = self.receiver.ingress.ledger();
        let counts = ledger.count_by_id();
        counts
            .into_iter()
            .map(|(id, count)| (id.to_owned(), count))
            .collect()
    }

    /// Every one of `events` is in the ingress exactly once, and nothing else is.
    pub(super) fn assert_all_once(&self, events: &[GeneratedEvent]) {
        let ledger = self.receiver.ingress.ledger();
        let missing = ledger.missing(events.iter().map(|event| &*event.uuid));
        assert_eq!(missing, [""; 0]);
        assert_eq!(
            (ledger.repeats(), ledger.entries().len()),
            (0, events.len())
        );
    }
}

/// Events that are published now.
pub(super) fn events(seed: u64, count: usize) -> Vec<GeneratedEvent> {
    let mut generator = EventGenerator::new(seed);
    (0..count)
        .map(|_| generator.event(SystemClock.now()))
        .collect()
}

/// EventBridge sends the events, and each is answered 200.
pub(super) async fn push<'a>(
    program: &Program,
    events: impl IntoIterator<Item = &'a GeneratedEvent>,
) {
    let endpoint = format!("http://{}/aws/event-bridge", program.endpoint().await);
    let header = "x-amz-event-bridge-access-key";
    let destination = ApiDestination::builder(endpoint.parse().unwrap())
        .authorization(Authorization::api_key(header, TOKEN))
        .compress(10.0)
        .build();
    let events = events.into_iter();
    let bodies: Vec<Bytes> = events.map(|event| envelope(&event.json)).collect();
    let sent = bodies.len();
    let report = destination.invoke_all(bodies).await;
    assert_eq!((report.invoked.len(), report.undelivered.len()), (sent, 0));
}

pub(super) fn healed(samples: &Samples) -> f64 {
    samples.get("healed_events_total", HEALED).unwrap_or(0.0)
}

pub(super) fn unverified(samples: &Samples) -> f64 {
    samples
        .get("unverified_events_total", HEALED)
        .unwrap_or(0.0)
}

/// The items that have ended.
pub(super) fn ended(samples: &Samples, labels: &[&str]) -> f64 {
    samples
        .all("events_total", labels)
        .map(|(_, value)| value)
        .sum()
}
