//! What a run shows: to its observer, and through its handle.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use okta_coralogix_core::observe::{Observer, PipelineContext, PipelineEvent, Stage};
use okta_coralogix_core::pipeline::BackoffPolicy;
use okta_coralogix_core::pipeline::{Disposition, PipelineState};
use okta_coralogix_core::testing::{EventGenerator, MemorySink, MemorySource, SinkFault};
use okta_coralogix_core::{AckOrder, Error, ErrorKind};
use tokio::time::{Instant, sleep, timeout};

use super::harness::{Harness, pages, start};

/// Keeps the names of the events, and counts the ends by disposition and uuid.
#[derive(Debug, Clone, Default)]
struct Recorder(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    names: Vec<String>,
    received: usize,
    ends: HashMap<(Disposition, Option<String>), usize>,
    recovered: Vec<(Stage, Duration)>,
    letters: Vec<String>,
}

impl Observer for Recorder {
    fn observe(&self, context: &PipelineContext<'_>, event: &PipelineEvent<'_>) {
        assert_eq!((context.pipeline, context.source), ("acme", "source"));
        let mut seen = self.0.lock().unwrap();
        let text = format!("{event:?}");
        let name = text.split([' ', '{']).next().unwrap_or_default();
        seen.names.push(name.to_owned());
        match event {
            PipelineEvent::Received { items } => seen.received += items,
            PipelineEvent::Ended { disposition, event } => {
                let uuid = event.and_then(|event| event.uuid()).map(Into::into);
                *seen.ends.entry((*disposition, uuid)).or_default() += 1;
            }
            PipelineEvent::Recovered { stage, after, .. } => seen.recovered.push((*stage, *after)),
            PipelineEvent::DeadLettered { letter, event, .. } => {
                let uuid = event.and_then(|event| event.uuid()).unwrap_or_default();
                seen.letters.push(format!("{} {uuid}", letter.reason));
            }
            _ => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_end_is_observed_once_with_its_event() {
    let (mut given, events) = pages(2, 100);
    let old = EventGenerator::new(9).event(start() - TimeDelta::hours(25));
    given[0].insert(10, old.json.clone());
    given[0].insert(20, (&b"{\"uuid\":\"no published\"}"[..]).into());
    given[1].push(events[0].json.clone());
    let harness = Harness::new(AckOrder::Cumulative, given);
    let recorder = Recorder::default();
    let builder = harness.builder().name("acme").observer(recorder.clone());
    let summary = builder.build().unwrap().run(std::future::pending()).await;
    let summary = summary.unwrap();
    let seen = recorder.0.lock().unwrap();
    assert_eq!(seen.received as u64, summary.received);
    assert_eq!(
        seen.ends.values().sum::<usize>() as u64,
        summary.received,
        "one end each"
    );
    for event in &events {
        let delivered = (Disposition::Delivered, Some(event.uuid.clone()));
        assert_eq!(seen.ends.get(&delivered), Some(&1));
    }
    assert_eq!(seen.ends[&(Disposition::TooOld, Some(old.uuid))], 1);
    assert_eq!(seen.ends[&(Disposition::DeadLettered, None)], 1);
    let copies = seen.ends.iter();
    let copies = copies.filter(|((disposition, _), _)| *disposition == Disposition::Duplicate);
    assert_eq!(copies.count(), 1);
    assert_eq!(seen.letters, ["malformed "]);
    assert_eq!(seen.names.first().unwrap(), "Started");
    assert_eq!(seen.names.last().unwrap(), "Stopped");
}

#[tokio::test(start_paused = true)]
async fn dropped_run_ends_what_it_held_as_handed_back() {
    let (given, _) = pages(2, 100);
    let sink = MemorySink::new().with_latency(Duration::from_secs(60));
    let harness = Harness::of(MemorySource::new(AckOrder::Cumulative, given), sink);
    let recorder = Recorder::default();
    let builder = harness.builder().name("acme").observer(recorder.clone());
    let pipeline = builder.build().unwrap();
    let handle = pipeline.handle();
    let run = pipeline.run(std::future::pending());
    timeout(Duration::from_secs(5), run).await.unwrap_err();
    {
        let seen = recorder.0.lock().unwrap();
        assert_eq!((seen.received, seen.ends.values().sum()), (200, 200));
    }
    let status = handle.status();
    assert_eq!(status.state, PipelineState::Ended);
    assert_eq!((status.summary.handed_back, status.pending), (200, 0));
    assert!(status.summary.is_balanced());
    assert!(!handle.turn().await);
}

#[tokio::test(start_paused = true)]
async fn handle_shows_counts_faults_and_the_drain() {
    let (given, _) = pages(3, 100);
    let source = MemorySource::new(AckOrder::Cumulative, given).without_end();
    let sink = MemorySink::new().with_latency(Duration::from_secs(1));
    let harness = Harness::of(source, sink);
    let recorder = Recorder::default();
    let builder = harness.builder().name("acme").observer(recorder.clone());
    let pipeline = builder.build().unwrap();
    let handle = pipeline.handle();
    assert_eq!(handle.status().state, PipelineState::NotStarted);
    assert!(!handle.turn().await);
    harness.sink.fail_for(Duration::from_secs(100));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let run = tokio::spawn(pipeline.run(async {
        stopped.await.ok();
    }));
    sleep(Duration::from_secs(50)).await;
    let status = handle.status();
    assert_eq!(status.state, PipelineState::Retrying);
    assert_eq!((status.summary.received, status.pending), (300, 300));
    assert_eq!(status.since_progress, None);
    let fault = &status.faults[0];
    assert_eq!(fault.stage, Stage::Sink);
    let lasts = fault.lasts.as_secs();
    assert!((45..50).contains(&lasts), "{lasts}");
    assert!(!fault.error.is_empty());
    assert!(handle.turn().await, "it does not depend on the sink");
    sleep(Duration::from_secs(100)).await;
    let status = handle.status();
    assert_eq!(status.state, PipelineState::Running);
    assert_eq!((status.summary.delivered, status.pending), (300, 0));
    assert!(status.since_progress.is_some());
    let recovered = recorder.0.lock().unwrap().recovered.clone();
    let [(Stage::Sink, after)] = recovered[..] else {
        panic!("{recovered:?}");
    };
    assert!(after >= Duration::from_secs(95), "{after:?}");
    let (more, _) = pages(4, 100);
    harness.source.push(more[3].clone());
    sleep(Duration::from_millis(500)).await;
    stop.send(()).unwrap();
    sleep(Duration::from_millis(100)).await;
    assert_eq!(handle.status().state, PipelineState::Draining);
    run.await.unwrap().unwrap();
    assert_eq!(handle.status().state, PipelineState::Ended);
    assert_eq!(handle.status().summary.delivered, 400);
}

#[tokio::test(start_paused = true)]
async fn retry_now_ends_the_waits_of_source_and_sink() {
    let refusal = || Error::new(ErrorKind::Unauthorized, "no such key");
    let (given, events) = pages(2, 100);
    let harness = Harness::new(AckOrder::Cumulative, given);
    harness.source.fail_with([refusal()]);
    harness.sink.script([SinkFault::Refuse(refusal())]);
    let builder = harness.builder().refusal_wait(Duration::from_secs(3000));
    let pipeline = builder.build().unwrap();
    let handle = pipeline.handle();
    let started = Instant::now();
    let run = tokio::spawn(pipeline.run(std::future::pending()));
    for _ in 0..2 {
        sleep(Duration::from_secs(10)).await;
        assert_eq!(handle.status().state, PipelineState::Retrying);
        handle.retry_now();
    }
    run.await.unwrap().unwrap();
    assert!(started.elapsed() < Duration::from_secs(21));
    harness.assert_all_once(&events);
}

#[tokio::test(start_paused = true)]
async fn retry_now_ends_the_rest_of_requests_that_were_not_refused() {
    let refusal = Error::new(ErrorKind::Unauthorized, "no such key");
    let (given, events) = pages(2, 100);
    let source = MemorySource::new(AckOrder::Individual, vec![given[0].clone()]).without_end();
    let harness = Harness::of(source, MemorySink::new());
    harness.sink.script([SinkFault::Refuse(refusal)]);
    let builder = harness.builder().refusal_wait(Duration::from_secs(3000));
    let pipeline = builder.build().unwrap();
    let handle = pipeline.handle();
    let run = tokio::spawn(pipeline.run(sleep(Duration::from_secs(25))));
    sleep(Duration::from_secs(10)).await;
    harness.source.push(given[1].clone());
    sleep(Duration::from_secs(10)).await;
    assert_eq!(harness.sink.requests().len(), 1, "the second one rests too");
    handle.retry_now();
    assert_eq!(run.await.unwrap().unwrap().delivered, 200);
    harness.assert_all_once(&events);
}

/// What failed, and is asked for nothing any more, is no fault that lasts.
#[tokio::test(start_paused = true)]
async fn fault_of_a_stage_that_is_idle_is_forgotten() {
    let unavailable = || Error::temporary(ErrorKind::Unavailable, "503");
    let source = MemorySource::new(AckOrder::Cumulative, Vec::new()).without_end();
    source.fail_with([unavailable()]);
    let harness = Harness::of(source, MemorySink::new());
    let pipeline = harness.builder().build().unwrap();
    let handle = pipeline.handle();
    let run = tokio::spawn(pipeline.run(sleep(Duration::from_secs(7200))));
    sleep(Duration::from_millis(10)).await;
    assert_eq!(handle.status().faults[0].stage, Stage::Source);
    sleep(Duration::from_secs(1800)).await;
    let status = handle.status();
    assert_eq!(status.state, PipelineState::Running, "{status:?}");
    // The only event becomes too old while the sink is away.
    let nearly_old = start() - TimeDelta::hours(24) + TimeDelta::seconds(1900);
    harness.sink.fail_for(Duration::from_secs(86_400));
    let event = EventGenerator::new(9).event(nearly_old);
    harness.source.push(vec![event.json]);
    sleep(Duration::from_secs(30)).await;
    assert_eq!(handle.status().faults[0].stage, Stage::Sink);
    sleep(Duration::from_secs(600)).await;
    let status = handle.status();
    assert_eq!((status.pending, status.summary.too_old), (0, 1));
    assert_eq!(status.state, PipelineState::Running, "{status:?}");
    run.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn run_that_has_ended_shows_no_fault() {
    let (given, _) = pages(1, 10);
    let harness = Harness::new(AckOrder::Cumulative, given);
    harness.sink.fail_for(Duration::from_secs(3000));
    let drain = harness.builder().drain_timeout(Duration::from_secs(10));
    let pipeline = drain.build().unwrap();
    let handle = pipeline.handle();
    let stopped = pipeline.run(sleep(Duration::from_secs(10))).await;
    assert_eq!(stopped.unwrap().handed_back, 10);
    let status = handle.status();
    assert_eq!(
        (status.state, status.faults.len()),
        (PipelineState::Ended, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn retry_now_ends_a_wait_for_dead_letters() {
    let harness = Harness::new(AckOrder::Cumulative, vec![vec![(&b"[]"[..]).into()]]);
    harness.dead_letters.fail_next(1);
    let long = Duration::from_secs(3000);
    let backoff = BackoffPolicy::default().with_first(long).with_cap(long);
    let pipeline = harness.builder().backoff(backoff).build().unwrap();
    let handle = pipeline.handle();
    let started = Instant::now();
    let run = tokio::spawn(pipeline.run(std::future::pending()));
    sleep(Duration::from_secs(1)).await;
    assert_eq!(handle.status().faults[0].stage, Stage::DeadLetters);
    handle.retry_now();
    assert_eq!(run.await.unwrap().unwrap().dead_lettered, 1);
    assert!(started.elapsed() < Duration::from_secs(2));
}
