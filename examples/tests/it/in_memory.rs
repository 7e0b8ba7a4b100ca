//! The real source, pipeline and sink against both simulators in memory, under injected time.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use coralogix_sink::CoralogixSink;
use coralogix_sink::simulator::{CoralogixSimulator, Fault};
use okta_coralogix_core::filter::AgeFilter;
use okta_coralogix_core::testing::{
    EventGenerator, GeneratedEvent, MemoryCheckpoint, MemoryDeadLetters, TestClock,
};
use okta_coralogix_core::{Clock, CoralogixMapping, Pipeline, Summary};
use okta_source::OktaSource;
use okta_source::simulator::{Fault as OrgFault, OktaSimulator};
use tokio::time::{Instant, sleep};

const TEN_MINUTES: Duration = Duration::from_secs(600);

fn start() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

struct Harness {
    clock: Arc<dyn Clock>,
    org: OktaSimulator,
    ingress: CoralogixSimulator,
    checkpoint: MemoryCheckpoint,
    generator: EventGenerator,
    events: Vec<GeneratedEvent>,
}

impl Harness {
    fn new() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(TestClock::starting_at(start()));
        Self {
            org: OktaSimulator::builder()
                .token("00t")
                .clock(Arc::clone(&clock))
                .build(),
            ingress: CoralogixSimulator::builder()
                .key("k")
                .clock(Arc::clone(&clock))
                .max_age(AgeFilter::DEFAULT_LIMIT)
                .build(),
            clock,
            checkpoint: MemoryCheckpoint::default(),
            generator: EventGenerator::new(5),
            events: Vec::new(),
        }
    }

    /// `count` events happen now.
    fn happen(&mut self, count: usize) {
        let now = self.clock.now();
        let events: Vec<_> = (0..count).map(|_| self.generator.event(now)).collect();
        self.org
            .append_all(events.iter().map(|event| event.json.clone()));
        self.events.extend(events);
    }

    async fn pipeline(&self, once: bool) -> Pipeline<OktaSource> {
        let source = OktaSource::builder()
            .org_url("https://acme.okta.com")
            .api_token("00t")
            .once(once)
            .checkpoint(Arc::new(self.checkpoint.clone()))
            .clock(Arc::clone(&self.clock))
            .transport(Arc::new(self.org.clone()))
            .open()
            .await
            .unwrap();
        let sink = CoralogixSink::builder()
            .endpoint("http://127.0.0.1")
            .api_key("k")
            .transport(Arc::new(self.ingress.clone()))
            .build()
            .unwrap();
        Pipeline::builder(source, sink)
            .mapping(CoralogixMapping::builder().build().unwrap())
            .dead_letters(MemoryDeadLetters::default())
            .clock(Arc::clone(&self.clock))
            .seed(1)
            .build()
            .unwrap()
    }

    async fn run_until(&self, shutdown: impl Future<Output = ()>) -> Summary {
        let summary = self.pipeline(false).await.run(shutdown).await.unwrap();
        assert!(summary.is_balanced(), "{summary:?}");
        summary
    }

    fn assert_all_once(&self) {
        let ledger = self.ingress.ledger();
        assert_eq!(
            ledger.missing(self.events.iter().map(|event| &*event.uuid)),
            [""; 0]
        );
        assert_eq!(
            (ledger.repeats(), ledger.entries().len(), ledger.too_old()),
            (0, self.events.len(), 0)
        );
        assert!(
            ledger
                .entries()
                .iter()
                .all(|entry| entry.subsystem == "acme")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn ingress_outage_of_ten_minutes_loses_and_repeats_nothing() {
    let mut harness = Harness::new();
    harness.happen(9000);
    harness.ingress.set_down(true);
    let ingress = harness.ingress.clone();
    let day = async {
        sleep(TEN_MINUTES).await;
        ingress.set_down(false);
        sleep(TEN_MINUTES).await;
    };
    assert_eq!(harness.run_until(day).await.delivered, 9000);
    harness.assert_all_once();
}

#[tokio::test(start_paused = true)]
async fn org_outage_of_ten_minutes_loses_and_repeats_nothing() {
    let mut harness = Harness::new();
    harness.happen(3000);
    harness.org.script_times(50, OrgFault::Unreachable);
    harness.org.script_times(5, OrgFault::Unavailable);
    harness.org.script(OrgFault::StalledBody);
    let began = Instant::now();
    let summary = harness
        .pipeline(true)
        .await
        .run(std::future::pending())
        .await
        .unwrap();
    assert_eq!(summary.delivered, 3000);
    println!("the org was down for {:?}", began.elapsed());
    assert!(began.elapsed() > TEN_MINUTES, "{:?}", began.elapsed());
    harness.assert_all_once();
}

#[tokio::test(start_paused = true)]
async fn idle_org_costs_one_request_per_poll() {
    let harness = Harness::new();
    let hour = sleep(Duration::from_secs(3600));
    assert_eq!(harness.run_until(hour).await.received, 0);
    assert_eq!(harness.org.request_count(), 3600 / 30);
    assert_eq!(
        harness.ingress.ledger().requests().len(),
        0,
        "there is no empty request"
    );
}

#[tokio::test(start_paused = true)]
async fn backlog_is_read_in_pages_of_1000() {
    let mut harness = Harness::new();
    harness.happen(12_345);
    let summary = harness
        .pipeline(true)
        .await
        .run(std::future::pending())
        .await
        .unwrap();
    assert_eq!(summary.delivered, 12_345);
    assert_eq!(harness.org.request_count(), 13);
    harness.assert_all_once();
}

#[tokio::test(start_paused = true)]
async fn restarts_on_a_live_feed_lose_and_repeat_nothing() {
    let mut harness = Harness::new();
    for hour in 0..24 {
        harness.happen(hour * 37);
        if hour % 5 == 0 {
            harness.ingress.fail_next(3, Fault::status(503));
        }
        harness.run_until(sleep(Duration::from_secs(3600))).await;
    }
    harness.assert_all_once();
}
