//! The System Log heals what another route loses, over hours of an injected clock.

use std::sync::Arc;
use std::time::Duration;

use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::testing::{MemoryCheckpoint, MemorySink, MemorySource};
use okta_coralogix_core::{AckOrder, Clock, HealingSource, Pipeline};
use okta_source::OktaSource;
use okta_source::simulator::Fault;
use tokio::time::sleep;

use crate::harness::{Harness, Recorder, event, given, settle};

const DELAY: Duration = Duration::from_secs(15 * 60);
const MINUTE: Duration = Duration::from_secs(60);

/// A push route that loses one event of a hundred at random, and a log that has them all.
struct Routes {
    harness: Harness,
    push: MemorySource,
    sink: MemorySink,
    window: DedupWindow,
    random: u64,
    events: u32,
    lost: u64,
}

impl Routes {
    fn new(seed: u64) -> Self {
        let harness = Harness::new();
        let day = Duration::from_secs(25 * 3600);
        let window = DedupWindow::retaining(day, 1_000_000, Arc::clone(&harness.clock));
        Self {
            harness,
            push: MemorySource::new(AckOrder::Individual, Vec::new()).without_end(),
            sink: MemorySink::new(),
            window,
            random: seed,
            events: 0,
            lost: 0,
        }
    }

    /// 0 to 99, by a linear congruential generator.
    fn draw(&mut self) -> u64 {
        let next = self.random.wrapping_mul(6_364_136_223_846_793_005);
        self.random = next.wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % 100
    }

    /// What happens in so many minutes, ten events each.
    async fn live(&mut self, minutes: u32) {
        for _ in 0..minutes {
            let numbers = self.events..self.events + 10;
            self.events = numbers.end;
            let now = self.harness.clock.now();
            let events: Vec<_> = numbers.map(|number| event(number, now)).collect();
            self.harness.org.append_all(events.clone());
            let mut pushed = events;
            pushed.retain(|_| self.draw() > 0);
            self.lost += 10 - pushed.len() as u64;
            self.push.push(pushed.into_iter().map(Into::into).collect());
            sleep(MINUTE).await;
        }
    }

    fn pushes(&self) -> Pipeline<MemorySource> {
        Pipeline::builder(self.push.clone(), self.sink.clone())
            .clock(Arc::clone(&self.harness.clock))
            .dedup_window(self.window.clone())
            .build()
            .unwrap()
    }

    async fn heals(&self, store: &MemoryCheckpoint) -> Pipeline<HealingSource<OktaSource>> {
        let since = self.window.covered_since().unwrap();
        let source = self.harness.builder().checkpoint(store.clone());
        let source = source.since(since).dedup_capacity(0).open().await.unwrap();
        let source = HealingSource::new(source, DELAY).clock(Arc::clone(&self.harness.clock));
        Pipeline::builder(source, self.sink.clone())
            .clock(Arc::clone(&self.harness.clock))
            .dedup_window(self.window.clone())
            .build()
            .unwrap()
    }

    fn assert_all_once(&self) {
        let counts = self.sink.counts();
        assert_eq!(counts.len(), self.events as usize);
        assert!(counts.values().all(|count| *count == 1));
    }
}

#[tokio::test(start_paused = true)]
async fn an_hour_without_healing_is_caught_up_each_event_once() {
    for seed in 1..=3 {
        let mut routes = Routes::new(seed);
        let store = MemoryCheckpoint::default();
        let two_hours = 120 * MINUTE;
        let pushes = tokio::spawn(routes.pushes().run(sleep(2 * two_hours)));

        // It heals for an hour, then Okta refuses its token, and it is away for an hour.
        let healing = routes.heals(&store).await;
        let healing = tokio::spawn(healing.run(sleep(60 * MINUTE)));
        routes.live(60).await;
        let before = healing.await.unwrap().unwrap();
        assert!(before.is_balanced() && before.received > 300, "{before:?}");
        routes.harness.org.script_times(2, Fault::Unavailable);
        routes.live(60).await;

        let healing = routes.heals(&store).await;
        let healing = tokio::spawn(healing.run(sleep(60 * MINUTE)));
        routes.live(20).await;
        let after = healing.await.unwrap().unwrap();
        let pushed = pushes.await.unwrap().unwrap();
        for summary in [before, after, pushed] {
            assert!(summary.is_balanced(), "{summary:?}");
        }
        assert_eq!(before.healed + after.healed, routes.lost);
        assert_eq!(before.unverified + after.unverified, 0);
        assert!(routes.lost > 0);
        routes.assert_all_once();
    }
}

/// Nothing is healed before its time, since the route may be slow; and little after it.
#[tokio::test(start_paused = true)]
async fn events_are_healed_soon_after_the_delay() {
    let routes = Routes::new(1);
    let store = MemoryCheckpoint::default();
    let healing = routes.heals(&store).await;
    let healing = tokio::spawn(healing.run(std::future::pending()));
    let org = &routes.harness.org;
    for number in 0..60 {
        org.append(event(number, routes.harness.clock.now()));
        sleep(MINUTE).await;
        let arrived = routes.sink.counts().len();
        let minutes = number as usize + 1;
        let due = minutes.saturating_sub(15);
        assert!(
            (due.saturating_sub(1)..=due + 1).contains(&arrived),
            "{arrived} after {minutes} minutes"
        );
    }
    healing.abort();
}

/// Okta's links lead in a circle for an hour: that is told, no event is sent twice, and what comes behind it is healed.
#[tokio::test(start_paused = true)]
async fn links_in_a_circle_keep_healing_neither_busy_nor_silent() {
    let routes = Routes::new(1);
    let org = &routes.harness.org;
    let append = |numbers: std::ops::Range<u32>| {
        org.append_all(numbers.map(|number| event(number, routes.harness.clock.now())));
    };
    append(0..3_000);
    // Of another reader of the same log: the links behind its first two pages.
    let mut other = routes.harness.open().await;
    let mut links = Vec::new();
    for _ in 0..2 {
        settle(given(&mut other).await).await.unwrap();
        let link = routes.harness.store.cursor().unwrap();
        links.push(format!("https://example.okta.com{link}"));
    }
    let recorder = Recorder::default();
    let store = MemoryCheckpoint::default();
    let since = routes.window.covered_since().unwrap();
    let source = routes.harness.builder().checkpoint(store);
    let source = source.since(since).dedup_capacity(0).open().await.unwrap();
    let source = HealingSource::new(source, DELAY).clock(Arc::clone(&routes.harness.clock));
    let healing = Pipeline::builder(source, routes.sink.clone())
        .clock(Arc::clone(&routes.harness.clock))
        .dedup_window(routes.window.clone())
        .observer(recorder.clone())
        .build()
        .unwrap();
    let healing = tokio::spawn(healing.run(sleep(180 * MINUTE)));
    sleep(20 * MINUTE).await;
    append(3_000..4_000);
    for answer in 0..100 {
        org.script(Fault::NextLink(links[answer % 2].clone()));
    }
    let requests = org.request_count();
    sleep(60 * MINUTE).await;
    let failures = recorder.all("SourceFailed");
    assert!(
        failures.iter().any(|failed| failed.contains("in a circle")),
        "{failures:?}"
    );
    let requests = org.request_count() - requests;
    assert!((100..400).contains(&requests), "{requests} in an hour");
    append(4_000..4_010);
    let healed = healing.await.unwrap().unwrap();
    // The page at which the links lead out of the circle is given again.
    assert_eq!((healed.delivered, healed.duplicate), (4_010, 1_000));
    assert_eq!(routes.sink.counts().len(), 4_010);
}
