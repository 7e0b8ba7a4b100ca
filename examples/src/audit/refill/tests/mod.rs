//! Refills between simulated remotes.

mod attempts;
mod bounds;

use std::collections::HashMap;
use std::time::Duration;

use coralogix_sink::CoralogixSink;
use coralogix_sink::query::{EventFilter, QueryClient};
use coralogix_sink::simulator::CoralogixSimulator;
use okta_coralogix_core::internal::OsDisk;
use okta_coralogix_core::testing::{EventGenerator, GeneratedEvent, MemoryDeadLetters, TestClock};
use okta_source::OktaSource;
use okta_source::simulator::OktaSimulator;

use super::super::killed::{Killed, Steps};
use super::super::run::compare;
use super::super::settings::OrgSettings;
use super::*;
use crate::program::Environment;
use crate::program::log::LogArgs;
use crate::program::pipeline_settings::PipelineSettings;
use crate::program::progress::Progress;

const TOKEN: &str = "00-refill-token";
/// Longer than the delay until a log is visible.
const LATER: Duration = Duration::from_secs(40 * 60);

/// An org with events of six hours, and an account that lacks some of them.
struct World {
    clock: Arc<TestClock>,
    org: OktaSimulator,
    account: CoralogixSimulator,
    folder: tempfile::TempDir,
    range: TimeSlice,
    lost: Vec<GeneratedEvent>,
    force: bool,
    too_old: Option<AgePolicy>,
}

impl World {
    /// `age`: how long ago the six hours have ended.
    fn new(age: TimeDelta, is_lost: impl Fn(i32) -> bool) -> Self {
        let clock = Arc::new(TestClock::starting_at(
            "2026-11-30T12:00:00Z".parse().unwrap(),
        ));
        let org = OktaSimulator::builder()
            .token(TOKEN)
            .clock(Arc::clone(&clock))
            .rate_limit(100_000)
            .build();
        let account = CoralogixSimulator::builder()
            .clock(Arc::clone(&clock))
            .build();
        let end = clock.now() - age;
        let start = end - TimeDelta::hours(6);
        let (mut generator, mut lost, mut stored) =
            (EventGenerator::new(9), Vec::new(), Vec::new());
        for number in 0..1_440 {
            let published = start + TimeDelta::seconds(15) * number;
            let event = generator.event(published);
            org.append_at(published, [event.json.clone()]);
            match is_lost(number) {
                true => lost.push(event),
                false => stored.push((EventId::new(&event.uuid), published)),
            }
        }
        account.store_events("okta", "acme", stored);
        Self {
            clock,
            org,
            account,
            folder: tempfile::tempdir().unwrap(),
            range: TimeSlice::new(start, end).unwrap(),
            lost,
            force: false,
            too_old: None,
        }
    }

    fn settings(&self, steps: &Steps) -> OrgSettings {
        let network = Killed(self.account.clone(), steps.clone());
        let sink = CoralogixSink::builder().endpoint("https://ingress.eu2.coralogix.com");
        let sink = sink
            .api_key(self.account.key())
            .transport(network)
            .build()
            .unwrap();
        let client = QueryClient::builder()
            .query_endpoint("https://api.eu2.coralogix.com")
            .query_key(self.account.query_key())
            .transport(self.account.clone())
            .build()
            .unwrap();
        let options = PipelineOptions {
            too_old: self.too_old,
            ..PipelineOptions::default()
        };
        let refill = RefillSettings {
            integration: "acme".into(),
            sink: Arc::new(sink),
            mapping: Arc::new(
                CoralogixMapping::builder()
                    .subsystem("acme")
                    .build()
                    .unwrap(),
            ),
            options,
            ledger: self.folder.path().join("ledger"),
            disk: Arc::new(Killed(OsDisk, steps.clone())),
            force: self.force,
        };
        OrgSettings {
            integration: None,
            range: self.range,
            org: "https://acme.okta.com".into(),
            source: OktaSource::builder()
                .org_url("https://acme.okta.com")
                .api_token(TOKEN)
                .clock(Arc::clone(&self.clock))
                .transport(self.org.clone()),
            names: Default::default(),
            client: Arc::new(client),
            filter: EventFilter::all()
                .application("okta")
                .unwrap()
                .subsystem("acme")
                .unwrap(),
            target: String::new(),
            has_one_key: false,
            pipeline: PipelineSettings::default(),
            refill: Some(refill),
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            visibility_delay: Duration::from_secs(30 * 60),
            max_lookups: 100_000,
            json: false,
        }
    }

    /// An audit with a refill, of a process that has no more than these steps.
    async fn process(
        &self,
        steps: &Steps,
        letters: &HashMap<EventId, Cause>,
    ) -> Result<(AuditReport, Result<Refilled>)> {
        let settings = self.settings(steps);
        let refill = Refill::open(
            settings.refill.as_ref().unwrap(),
            Arc::clone(&settings.clock),
            settings.visibility_delay,
        );
        let refill = refill.await?;
        let source = settings
            .source
            .clone()
            .checkpoint(okta_coralogix_core::testing::MemoryCheckpoint::default());
        let source = source
            .open_backfill(self.range.start()..self.range.end())
            .await?;
        let progress = Progress::start(LogArgs::default().settings(&Environment::new(|_| None))?);
        let report = compare(&settings, source, letters, Some(&refill), &progress).await?;
        let dead = MemoryDeadLetters::default();
        let refilled = refill.run(
            &report,
            &settings.source,
            dead,
            progress.observer(),
            std::future::pending(),
        );
        Ok((report.clone(), refilled.await))
    }

    async fn round(&self) -> (AuditReport, Refilled) {
        let unbounded = Steps::allow(usize::MAX);
        let (report, refilled) = self.process(&unbounded, &HashMap::new()).await.unwrap();
        (report, refilled.unwrap())
    }

    /// How often each lost event has arrived.
    fn arrivals(&self) -> Vec<usize> {
        let ledger = self.account.ledger();
        let counts = ledger.count_by_id();
        let lost = self.lost.iter();
        lost.map(|event| counts.get(&*event.uuid).copied().unwrap_or_default())
            .collect()
    }
}

fn hour() -> TimeDelta {
    TimeDelta::hours(1)
}

/// 145 in a row, which are more than a chunk, and three more.
fn some(number: i32) -> bool {
    (400..545).contains(&number) || [3, 900, 1_400].contains(&number)
}
