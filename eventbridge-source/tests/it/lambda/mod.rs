//! The Lambda handler, under paused time.

mod blocked;
mod invokers;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use eventbridge_source::lambda::{LambdaHandler, Reply};
use okta_coralogix_core::testing::{
    EventGenerator, MemoryDeadLetters, MemorySink, SinkFault, TestClock,
};
use okta_coralogix_core::{Error, ErrorKind, Pipeline};
use serde_json::json;
use tokio::time::Instant;

fn start() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

struct Harness {
    sink: MemorySink,
    dead_letters: MemoryDeadLetters,
    handler: LambdaHandler,
}

fn harness(sink: MemorySink) -> Harness {
    let dead_letters = MemoryDeadLetters::default();
    let clock = Arc::new(TestClock::starting_at(start()));
    let (into, letters) = (sink.clone(), dead_letters.clone());
    let handler = LambdaHandler::builder(move |source| {
        let clock = Arc::clone(&clock);
        let pipeline = Pipeline::builder(source, into.clone()).dead_letters(letters.clone());
        let pipeline = pipeline.refusal_wait(Duration::ZERO);
        let pipeline = pipeline.clock(clock).linger(Duration::ZERO).seed(1);
        pipeline.drain_timeout(Duration::from_secs(20)).build()
    });
    Harness {
        sink,
        dead_letters,
        handler: handler.build(),
    }
}

/// Bare events of the last minutes.
fn events(count: usize) -> Vec<Bytes> {
    let mut generator = EventGenerator::new(9);
    let event = |n: usize| generator.event(start() - TimeDelta::seconds(n as i64)).json;
    (0..count).map(event).collect()
}

/// A batch as Lambda makes it of a queue's messages; `group`: of a FIFO queue.
fn batch(bodies: &[Bytes], group: Option<&str>) -> Bytes {
    let arn = match group {
        Some(_) => "arn:aws:sqs:eu-central-1:000000000000:okta.fifo",
        None => "arn:aws:sqs:eu-central-1:000000000000:okta",
    };
    let record = |(n, body): (usize, &Bytes)| {
        let mut attributes = json!({"ApproximateReceiveCount": "2"});
        if let Some(group) = group {
            attributes["MessageGroupId"] = group.into();
        }
        json!({
            "messageId": format!("m{n}"), "receiptHandle": "h", "attributes": attributes,
            "body": std::str::from_utf8(body).unwrap(), "messageAttributes": {},
            "eventSource": "aws:sqs", "eventSourceARN": arn,
        })
    };
    let records: Vec<_> = bodies.iter().enumerate().map(record).collect();
    json!({"Records": records}).to_string().into()
}

fn within(secs: u64) -> std::time::Instant {
    (Instant::now() + Duration::from_secs(secs)).into_std()
}

fn failures(names: &[&str]) -> Reply {
    let failures = names.iter().map(|name| (*name).to_owned()).collect();
    Reply::Batch { failures }
}

#[tokio::test(start_paused = true)]
async fn batch_that_is_delivered_has_no_failures() {
    let harness = harness(MemorySink::new());
    let events = events(10);
    let reply = harness
        .handler
        .handle(batch(&events, None), within(30))
        .await
        .unwrap();
    assert_eq!(reply, failures(&[]));
    assert_eq!(harness.sink.arrived(), events);
    assert_eq!(harness.sink.requests(), [10]);
    let summary = harness.handler.finish().await;
    assert_eq!((summary.received, summary.delivered), (10, 10));
}

#[tokio::test(start_paused = true)]
async fn dead_lettered_message_is_done_and_has_its_receive_count() {
    let poison = events(4)[1].clone();
    let refused = poison.clone();
    let harness = harness(MemorySink::new().refusing(move |text| text == refused));
    let mut bodies = events(4);
    bodies.push("no event".into());
    let reply = harness
        .handler
        .handle(batch(&bodies, None), within(30))
        .await
        .unwrap();
    assert_eq!(reply, failures(&[]));
    let letters = harness.dead_letters.records();
    assert_eq!(letters.len(), 2);
    assert!(
        letters
            .iter()
            .all(|letter| letter.origin.receive_count == Some(2))
    );
    assert_eq!(harness.sink.arrived().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn deadline_reports_only_settled_messages_as_done() {
    // Three requests of two events; the third does not end in time.
    let limits = okta_coralogix_core::sink::BatchLimits::new(2, 2_000_000);
    let harness = harness(MemorySink::with_limits(limits));
    let busy = || SinkFault::Refuse(Error::temporary(ErrorKind::Unavailable, "HTTP 503"));
    harness
        .sink
        .script([SinkFault::Accept, busy(), SinkFault::Accept]);
    harness.sink.script((0..200).map(|_| busy()));
    let events = events(6);
    let (begin, deadline) = (Instant::now(), within(10));
    let reply = harness
        .handler
        .handle(batch(&events, None), deadline)
        .await
        .unwrap();
    assert!(Instant::now().into_std() < deadline && begin.elapsed() >= Duration::from_secs(9));
    let Reply::Batch { failures } = &reply else {
        panic!("{reply:?}")
    };
    let arrived = harness.sink.arrived();
    assert_eq!(failures.len() + arrived.len(), 6);
    for (n, event) in events.iter().enumerate() {
        assert!(
            failures.contains(&format!("m{n}")) != arrived.contains(event),
            "{n}"
        );
    }
    assert_eq!(failures.len(), 2);
    let summary = harness.handler.finish().await;
    assert!(
        summary.is_balanced() && summary.handed_back == 2,
        "{summary:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn retried_batch_joins_its_events_in_flight() {
    let harness = harness(MemorySink::new().with_latency(Duration::from_secs(15)));
    let events = events(3);
    let reply = harness
        .handler
        .handle(batch(&events, None), within(10))
        .await
        .unwrap();
    assert_eq!(
        reply,
        failures(&["m0", "m1", "m2"]),
        "nothing is known of them yet"
    );
    let reply = harness
        .handler
        .handle(batch(&events, None), within(30))
        .await
        .unwrap();
    assert_eq!(reply, failures(&[]));
    assert_eq!(
        harness.sink.arrived(),
        events,
        "the copies joined the first ones"
    );
    let summary = harness.handler.finish().await;
    assert_eq!((summary.delivered, summary.duplicate), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn fifo_batch_fails_from_its_first_failure_on() {
    let limits = okta_coralogix_core::sink::BatchLimits::new(1, 2_000_000);
    let harness = harness(MemorySink::with_limits(limits));
    let busy = || SinkFault::Refuse(Error::temporary(ErrorKind::Unavailable, "HTTP 503"));
    // Each entry is a request of its own; the second meets every fault, the others are taken.
    harness.sink.script([
        SinkFault::Accept,
        busy(),
        SinkFault::Accept,
        SinkFault::Accept,
    ]);
    harness.sink.script((0..500).map(|_| busy()));
    let reply = harness
        .handler
        .handle(batch(&events(4), Some("g")), within(10))
        .await
        .unwrap();
    assert_eq!(harness.sink.arrived().len(), 3);
    assert_eq!(reply, failures(&["m1", "m2", "m3"]));
}

#[tokio::test(start_paused = true)]
async fn refused_key_fails_the_invocation_and_settles_nothing() {
    let harness = harness(MemorySink::new());
    harness.sink.refuse_all(Some(|| {
        Error::new(ErrorKind::Unauthorized, "the key is refused")
    }));
    let handled = harness
        .handler
        .handle(batch(&events(3), None), within(10))
        .await;
    assert_eq!(handled.unwrap_err().kind(), ErrorKind::Unauthorized);
    // A later invocation is not affected.
    harness.sink.refuse_all(None);
    let reply = harness
        .handler
        .handle(batch(&events(3), None), within(10))
        .await
        .unwrap();
    assert_eq!(reply, failures(&[]));
    assert_eq!(harness.sink.arrived(), events(3));
}

#[tokio::test(start_paused = true)]
async fn eventbridge_invocation_is_done_or_fails() {
    let harness = harness(MemorySink::new());
    let envelope = |event: &Bytes| {
        let detail = std::str::from_utf8(event).unwrap();
        Bytes::from(format!(
            r#"{{"source":"aws.partner/okta.com/acme/audit","detail":{detail}}}"#
        ))
    };
    let body = envelope(&events(1)[0]);
    let reply = harness
        .handler
        .handle(body.clone(), within(10))
        .await
        .unwrap();
    assert_eq!(serde_json::to_string(&reply).unwrap(), "null");
    assert_eq!(harness.sink.arrived(), [body]);

    harness.sink.fail_for(Duration::from_secs(3600));
    let body = envelope(&events(2)[1]);
    let error = harness.handler.handle(body, within(10)).await.unwrap_err();
    assert!(error.is_temporary(), "{error}");
    assert_eq!(harness.handler.finish().await.delivered, 1);
}

#[tokio::test(start_paused = true)]
async fn invocation_without_time_settles_nothing() {
    let harness = harness(MemorySink::new());
    let now = Instant::now().into_std();
    let reply = harness
        .handler
        .handle(batch(&events(2), None), now)
        .await
        .unwrap();
    let Reply::Batch { failures } = &reply else {
        panic!("{reply:?}")
    };
    assert_eq!(failures.len() + harness.sink.arrived().len(), 2);
    assert_eq!(
        serde_json::to_value(&reply).unwrap()["batchItemFailures"]
            .as_array()
            .unwrap()
            .len(),
        failures.len()
    );
}
