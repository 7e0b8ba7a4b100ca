//! The lines of the default observer.

use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use okta_coralogix_core::filter::{AgeFilter, AgePolicy};
use okta_coralogix_core::observe::{PipelineEvent, Reporter, TracingObserver};
use okta_coralogix_core::testing::{
    EventGenerator, GeneratedEvent, LogCapture, MemorySink, MemorySource, SinkFault,
};
use okta_coralogix_core::{AckOrder, Error, ErrorKind};
use tokio::time::{advance, sleep};

use super::harness::{Harness, start};

fn old(count: usize) -> Vec<GeneratedEvent> {
    let mut generator = EventGenerator::new(3);
    let at = start() - TimeDelta::hours(30);
    let event = |n| generator.event(at + TimeDelta::minutes(n as i64));
    (0..count).map(event).collect()
}

fn page(events: &[GeneratedEvent]) -> Vec<Bytes> {
    events.iter().map(|event| event.json.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn too_old_events_are_said_when_it_begins_each_minute_and_at_the_end() {
    let log = LogCapture::start();
    let old = old(40);
    let source = MemorySource::new(AckOrder::Cumulative, vec![page(&old[..10])]).without_end();
    let harness = Harness::of(source, MemorySink::new());
    let feed = async {
        sleep(Duration::from_secs(30)).await;
        harness.source.push(page(&old[10..30]));
        sleep(Duration::from_secs(31)).await;
        harness.source.push(page(&old[30..]));
        sleep(Duration::from_secs(1)).await;
    };
    let ended = harness.builder().build().unwrap().run(feed).await;
    assert_eq!(ended.unwrap().too_old, 40);
    let lines = log.containing("too old");
    let counts = ["events=10", "events=20", "events=40"];
    assert_eq!(lines.len(), counts.len(), "{lines:?}");
    for (line, count) in lines.iter().zip(counts) {
        assert!(line.starts_with("WARN") && line.contains(count), "{line}");
        assert!(line.contains("first_published=2026-"), "{line}");
    }
    assert!(lines[2].contains("in all"), "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn dead_letter_is_said_at_once_with_its_event_and_many_are_counted() {
    let log = LogCapture::start();
    let events = old(30);
    let source = MemorySource::new(AckOrder::Individual, vec![page(&events[..1])]).without_end();
    let harness = Harness::of(source, MemorySink::new());
    let feed = async {
        sleep(Duration::from_secs(5)).await;
        let lines = log.containing("dead-lettered");
        assert_eq!(lines.len(), 1, "at once: {lines:?}");
        harness.source.push(page(&events[1..]));
        sleep(Duration::from_secs(5)).await;
    };
    let keep = AgeFilter::new(AgeFilter::DEFAULT_LIMIT, AgePolicy::DeadLetter);
    let pipeline = harness.builder().age_filter(keep).build().unwrap();
    let summary = pipeline.run(feed).await.unwrap();
    assert_eq!(summary.dead_lettered, 30);
    let lines = log.containing("an event was dead-lettered");
    assert!(lines.len() < 15, "{lines:?}");
    let first = &lines[0];
    for word in [
        "WARN",
        &events[0].uuid,
        "event_type=",
        "reason=too_old",
        "location=",
    ] {
        assert!(first.contains(word), "{word}: {first}");
    }
    let rest = log.containing("more events were dead-lettered");
    let [rest] = &rest[..] else {
        panic!("{rest:?}");
    };
    assert!(
        rest.contains(&format!("events={}", 30 - lines.len())),
        "{rest}"
    );
}

#[tokio::test(start_paused = true)]
async fn outage_ends_with_a_line_that_says_how_long_it_was() {
    let log = LogCapture::start();
    let event = EventGenerator::new(5).event(start());
    let harness = Harness::new(AckOrder::Cumulative, vec![page(&[event])]);
    let error = || Error::temporary(ErrorKind::Unavailable, "busy");
    harness.sink.script([SinkFault::Refuse(error())]);
    harness.source.fail_with([error()]);
    harness.run().await;
    for part in [
        "the source gives events again",
        "the sink accepts requests again",
    ] {
        let lines = log.containing(part);
        let [line] = &lines[..] else {
            panic!("{part}: {lines:?}");
        };
        assert!(
            line.starts_with("INFO") && line.contains("recovered") && line.contains("after="),
            "{line}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn refused_requests_are_said_at_once_and_then_counted_without_another_event() {
    let log = LogCapture::start();
    let observer = TracingObserver::new();
    let reporter = Reporter::new("endpoint", "eventbridge", observer.clone());
    let took = Duration::from_millis(1);
    for status in [401; 25] {
        reporter.report(&PipelineEvent::RequestAnswered { status, took });
    }
    let lines = log.containing("a request was refused");
    assert_eq!(lines.len(), 10, "{lines:?}");
    assert!(
        lines[0].starts_with("WARN") && lines[0].contains("status=401"),
        "{lines:?}"
    );
    observer.flush("endpoint");
    assert!(log.containing("more requests").is_empty());
    advance(Duration::from_secs(10)).await;
    observer.flush("another");
    observer.flush("endpoint");
    let rest = log.containing("more requests were refused");
    assert!(
        rest.len() == 1 && rest[0].contains("requests=15"),
        "{rest:?}"
    );
}
