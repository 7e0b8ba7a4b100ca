//! A second route that gives what the first one has lost.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use okta_coralogix_core::filter::DedupWindow;
use okta_coralogix_core::internal::Claim;
use okta_coralogix_core::pipeline::PipelineBuilder;
use okta_coralogix_core::testing::{
    EventGenerator, GeneratedEvent, MemorySink, MemorySource, conformance,
};
use okta_coralogix_core::{
    AckOrder, Error, ErrorKind, EventSource, HealingSource, Outcome, Pipeline, Summary,
};
use tokio::time::{Instant, advance, sleep};

use crate::conformance::memory_source;
use crate::pipeline::harness::{Harness, start};

const DELAY: Duration = Duration::from_secs(15 * 60);
const DAY: Duration = Duration::from_secs(25 * 3600);

/// Events that are published now, one page.
fn events(count: usize) -> Vec<GeneratedEvent> {
    let mut generator = EventGenerator::new(7);
    (0..count).map(|_| generator.event(start())).collect()
}

fn page<'a>(events: impl IntoIterator<Item = &'a GeneratedEvent>) -> Vec<Bytes> {
    let events = events.into_iter();
    events.map(|event| event.json.clone()).collect()
}

/// Both routes, with one sink and one window.
struct Routes {
    push: Harness,
    pull: Harness,
    window: DedupWindow,
}

impl Routes {
    fn new(push: MemorySource, pull: MemorySource, sink: MemorySink) -> Self {
        Self::with_capacity(push, pull, sink, 1_000_000)
    }

    fn with_capacity(
        push: MemorySource,
        pull: MemorySource,
        sink: MemorySink,
        capacity: usize,
    ) -> Self {
        let push = Harness::of(push, sink.clone());
        let mut pull = Harness::of(pull, sink);
        pull.clock = Arc::clone(&push.clock);
        let window = DedupWindow::retaining(DAY, capacity, push.clock.clone());
        Self { push, pull, window }
    }

    fn pushed(&self) -> PipelineBuilder<MemorySource> {
        self.push.builder().dedup_window(self.window.clone())
    }

    fn healing(&self) -> PipelineBuilder<HealingSource<MemorySource>> {
        let source = HealingSource::new(self.pull.source.clone(), DELAY);
        Pipeline::builder(
            source.clock(self.pull.clock.clone()),
            self.pull.sink.clone(),
        )
        .dedup_window(self.window.clone())
        .clock(self.pull.clock.clone())
        .dead_letters(self.pull.dead_letters.clone())
        .seed(7)
    }

    /// Both, side by side, to the end of their sources.
    async fn run(&self) -> (Summary, Summary) {
        let (pushed, healed) = tokio::join!(run(self.pushed()), run(self.healing()));
        (pushed, healed)
    }

    fn assert_all_once(&self, events: &[GeneratedEvent]) {
        self.push.assert_all_once(events);
    }
}

async fn run<S: EventSource>(builder: PipelineBuilder<S>) -> Summary {
    let summary = builder.build().unwrap().run(pending()).await.unwrap();
    assert!(summary.is_balanced(), "{summary:?}");
    summary
}

fn pushed(pages: Vec<Vec<Bytes>>) -> MemorySource {
    MemorySource::new(AckOrder::Individual, pages)
}

fn pulled(pages: Vec<Vec<Bytes>>) -> MemorySource {
    MemorySource::new(AckOrder::Cumulative, pages)
}

#[tokio::test(start_paused = true)]
async fn healing_source_keeps_the_contract_of_what_it_wraps() {
    for order in [AckOrder::Cumulative, AckOrder::Individual] {
        let wrapped = |source| HealingSource::new(source, Duration::from_secs(10));
        let remote = || async move { memory_source(order, wrapped) };
        conformance::source(remote).await;
        conformance::source_without_restart(remote).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_first_route_lost_is_healed_once_after_the_delay() {
    let events = events(1000);
    let brought = events.iter().enumerate();
    let brought = brought.filter(|(index, _)| index % 100 != 7);
    let push = pushed(vec![page(brought.map(|(_, event)| event))]);
    let routes = Routes::new(push, pulled(vec![page(&events)]), MemorySink::new());
    let began = Instant::now();
    let (pushed, healed) = routes.run().await;
    assert_eq!((pushed.delivered, pushed.healed), (990, 0));
    assert_eq!((healed.received, healed.duplicate), (1000, 990));
    assert_eq!(
        (healed.delivered, healed.healed, healed.unverified),
        (10, 10, 0)
    );
    assert!(began.elapsed() >= DELAY);
    routes.assert_all_once(&events);
}

/// The first route is down, and brings everything after it was healed.
#[tokio::test(start_paused = true)]
async fn what_comes_after_it_was_healed_is_a_duplicate() {
    let events = events(300);
    let push = pushed(vec![page(&events)]);
    let routes = Routes::new(push, pulled(vec![page(&events)]), MemorySink::new());
    let healed = run(routes.healing()).await;
    assert_eq!((healed.delivered, healed.healed), (300, 300));
    let pushed = run(routes.pushed()).await;
    assert_eq!((pushed.received, pushed.duplicate), (300, 300));
    assert_eq!(routes.push.source.settled_events(), 300, "acknowledged");
    routes.assert_all_once(&events);
}

/// Both routes have the events in flight at one time, in either order.
#[tokio::test(start_paused = true)]
async fn event_in_flight_on_both_routes_is_delivered_once() {
    for healing_is_first in [false, true] {
        let events = events(50);
        let (push, pull) = (pushed(vec![page(&events)]), pulled(vec![page(&events)]));
        let sink = MemorySink::new().with_latency(Duration::from_secs(5));
        let routes = Routes::new(push, pull, sink);
        let head_start = Duration::from_secs(2);
        let (mut before_push, mut before_pull) = (DELAY + head_start, Duration::ZERO);
        if !healing_is_first {
            (before_push, before_pull) = (DELAY, head_start);
        }
        let (pushed, healed) = tokio::join!(
            async {
                sleep(before_push).await;
                run(routes.pushed()).await
            },
            async {
                sleep(before_pull).await;
                run(routes.healing()).await
            }
        );
        routes.assert_all_once(&events);
        let expected = if healing_is_first { (0, 50) } else { (50, 0) };
        assert_eq!((pushed.delivered, healed.healed), expected);
        assert_eq!(
            (pushed.duplicate, healed.duplicate),
            (expected.1, expected.0)
        );
    }
}

/// The one that has it in flight fails: it is not acknowledged, and the other delivers it.
#[tokio::test(start_paused = true)]
async fn event_that_one_route_hands_back_is_delivered_by_the_other() {
    let events = events(20);
    let sink = MemorySink::new();
    let budget = Duration::from_secs(4);
    let push = pushed(vec![page(&events)]).with_budget(budget);
    let routes = Routes::new(push, pulled(vec![page(&events)]), sink.clone());
    // Requests of the first route fail beyond its deadline, and it goes away.
    sink.fail_for(DELAY + Duration::from_secs(10));
    let gone = DELAY + Duration::from_secs(6);
    let pushed = routes.pushed().build().unwrap();
    let (pushed, healed) = tokio::join!(
        pushed.run(async {
            sleep(gone).await;
            sink.refuse_all(Some(|| {
                Error::new(ErrorKind::Unauthorized, "the key was taken back")
            }));
            sleep(Duration::from_secs(1)).await;
            sink.refuse_all(None);
        }),
        async {
            sleep(Duration::from_secs(1)).await;
            run(routes.healing()).await
        }
    );
    let pushed = pushed.unwrap_or_else(|failed| failed.summary);
    assert!(pushed.is_balanced() && pushed.handed_back > 0, "{pushed:?}");
    assert_eq!(pushed.delivered + healed.delivered, 20);
    routes.assert_all_once(&events);
    assert_eq!(routes.pull.source.settled_events(), 20);
}

/// The window is too small for what is asked of it: nothing is lost, and what may have arrived twice is counted.
#[tokio::test(start_paused = true)]
async fn event_that_the_window_does_not_cover_is_delivered_and_counted() {
    let events = events(100);
    let (push, pull) = (pushed(vec![page(&events)]), pulled(vec![page(&events)]));
    let routes = Routes::with_capacity(push, pull, MemorySink::new(), 40);
    let pushed = run(routes.pushed()).await;
    assert_eq!(pushed.delivered, 100);
    advance(DELAY).await;
    let healed = run(routes.healing()).await;
    assert!(healed.healed >= 60, "{healed:?}");
    assert_eq!(healed.unverified, healed.healed);
    assert_eq!(routes.push.sink.counts().len(), 100);
}

/// A clock that is wrong by an hour, or an event of the future, holds nothing for longer than the delay.
#[tokio::test(start_paused = true)]
async fn nothing_is_held_for_longer_than_the_delay() {
    let mut generator = EventGenerator::new(3);
    let future = generator.event(start() + TimeDelta::hours(1));
    let old = generator.event(start() - TimeDelta::hours(1));
    let clock = Harness::new(AckOrder::Cumulative, Vec::new()).clock;
    for (page, held) in [
        (vec![future.json], DELAY),
        (vec![old.json], Duration::ZERO),
        (vec!["[1, 2]".into()], DELAY),
    ] {
        let source = HealingSource::new(pulled(vec![page]), DELAY);
        let mut source = source.clock(clock.clone());
        let began = Instant::now();
        let delivery = source.next().await.unwrap().unwrap();
        assert!(delivery.heals);
        let waited = began.elapsed();
        assert!(
            waited >= held && waited < held + Duration::from_secs(1),
            "{waited:?}"
        );
        clock.set_offset(TimeDelta::zero() - TimeDelta::from_std(began.elapsed()).unwrap());
        delivery.acker.settle(&[Outcome::Settled]).await.unwrap();
    }
}

/// What is held has a bound: the source is not asked for more, and what it has waits there.
#[tokio::test(start_paused = true)]
async fn at_most_four_thousand_events_and_a_page_are_held() {
    let events = events(10_000);
    let pages: Vec<_> = events.chunks(1000).map(page).collect();
    let pull = pulled(pages);
    let clock = Harness::new(AckOrder::Cumulative, Vec::new()).clock;
    let mut source = HealingSource::new(pull.clone(), DELAY).clock(clock);
    let mut given = 0;
    let asked = tokio::time::timeout(DELAY / 2, source.next()).await;
    assert!(asked.is_err(), "nothing is due");
    assert!(format!("{source:?}").contains("held: 4"), "{source:?}");
    while let Some(delivery) = source.next().await.unwrap() {
        given += delivery.items.len();
        let outcomes = vec![Outcome::Settled; delivery.items.len()];
        delivery.acker.settle(&outcomes).await.unwrap();
    }
    assert_eq!((given, pull.settled_events()), (10_000, 10_000));
}

/// What a cumulative source gives again is due, while a page behind it is still held.
#[tokio::test(start_paused = true)]
async fn page_that_is_handed_back_does_not_wait_for_those_that_are_held() {
    let mut generator = EventGenerator::new(5);
    let early = generator.event(start() - TimeDelta::minutes(10));
    let late = generator.event(start());
    let pull = pulled(vec![vec![early.json], vec![late.json]]);
    let clock = Harness::new(AckOrder::Cumulative, Vec::new()).clock;
    let mut source = HealingSource::new(pull.clone(), DELAY).clock(clock);
    let first_due = Duration::from_secs(5 * 60);
    let began = Instant::now();
    let delivery = source.next().await.unwrap().unwrap();
    assert_eq!(began.elapsed().as_secs(), first_due.as_secs());
    delivery.acker.settle(&[Outcome::HandedBack]).await.unwrap();
    let again = source.next().await.unwrap().unwrap();
    assert_eq!(began.elapsed().as_secs(), first_due.as_secs());
    again.acker.settle(&[Outcome::Settled]).await.unwrap();
    // The held page, whose acker is void, and its copy.
    while let Some(delivery) = source.next().await.unwrap() {
        assert_eq!(began.elapsed().as_secs(), DELAY.as_secs());
        delivery.acker.settle(&[Outcome::Settled]).await.unwrap();
    }
    assert_eq!(pull.settled_events(), 2);
}

fn remember(window: &DedupWindow, id: &str) {
    match window.claim(id) {
        Claim::New(claim) => claim.remember(),
        other => panic!("{id}: {other:?}"),
    }
}

/// Healing reads from when on the window knows all: a first event that comes late moves that nowhere.
#[tokio::test(start_paused = true)]
async fn window_covers_the_time_before_its_first_event() {
    let clock = Harness::new(AckOrder::Cumulative, Vec::new()).clock;
    let window = DedupWindow::retaining(DAY, 1000, clock);
    for hour in 1..=3 {
        advance(Duration::from_secs(3600)).await;
        remember(&window, &hour.to_string());
        assert_eq!(window.covered_since(), Some(start()));
        assert!(window.covers(start()));
    }
}

/// The host's clock was a year ahead for a moment: the window goes on to forget, and to know from when on it knows all.
#[tokio::test(start_paused = true)]
async fn clock_that_was_ahead_for_a_moment_leaves_no_time_of_the_future() {
    let clock = Harness::new(AckOrder::Cumulative, Vec::new()).clock;
    let window = DedupWindow::retaining(DAY, 1000, clock.clone());
    for id in 0..4 {
        remember(&window, &format!("before {id}"));
    }
    clock.set_offset(TimeDelta::days(365));
    remember(&window, "ahead");
    clock.set_offset(TimeDelta::zero());
    for hour in 0..60 {
        advance(Duration::from_secs(3600)).await;
        remember(&window, &hour.to_string());
        let since = window.covered_since().unwrap();
        assert!(since <= start() + TimeDelta::hours(hour + 1), "{since}");
    }
    assert!(!window.contains("ahead") && !window.contains("0"));
    assert!(window.len() <= 28, "{window:?}");
}
