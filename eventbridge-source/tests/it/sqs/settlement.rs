//! A message is deleted, handed back or dead-lettered according to the outcomes of its events.

use bytes::Bytes;
use chrono::TimeDelta;
use eventbridge_source::sqs::SqsSource;
use eventbridge_source::sqs::simulator::SqsSimulator;
use okta_coralogix_core::dead_letter::{DeadLetterReason, DeadLetterRecord};
use okta_coralogix_core::testing::{MemorySink, SinkFault};
use okta_coralogix_core::{Error, ErrorKind};

use super::harness::{Harness, envelope, envelopes, secs, start};

#[tokio::test(start_paused = true)]
async fn message_is_deleted_after_delivery() {
    let bodies = envelopes(2500);
    let harness = Harness::with(SqsSimulator::builder(), &bodies);
    let summary = harness.run().await;
    assert_eq!((summary.received, summary.delivered), (2500, 2500));
    harness.assert_all_once(&bodies);
    assert_eq!(harness.queue.receives(), 2500, "nothing came twice");
    let requests = harness.sink.requests().len();
    assert!(
        requests <= 50,
        "messages of many receives share requests: {requests}"
    );
}

#[tokio::test(start_paused = true)]
async fn message_of_several_events_is_deleted_once_all_are_settled() {
    let bodies = envelopes(3);
    let array = [
        &b"["[..],
        &bodies[0],
        b",",
        &bodies[1],
        b",[],",
        &bodies[2],
        b"]",
    ]
    .concat();
    let harness = Harness::new(SqsSimulator::builder());
    harness.queue.send(array);
    let summary = harness.run().await;
    assert_eq!((summary.delivered, summary.dead_lettered), (3, 1));
    harness.assert_all_once(&bodies);
}

#[tokio::test(start_paused = true)]
async fn message_is_handed_back_when_one_of_its_events_is() {
    let bodies = envelopes(2);
    let harness = Harness::new(SqsSimulator::builder());
    harness
        .queue
        .send([&b"["[..], &bodies[0], b",", &bodies[1], b"]"].concat());
    let mut source = harness.source().await;
    let delivery = okta_coralogix_core::EventSource::next(&mut source)
        .await
        .unwrap()
        .unwrap();
    use okta_coralogix_core::Outcome::{HandedBack, Settled};
    delivery.acker.settle(&[Settled, HandedBack]).await.unwrap();
    assert_eq!(harness.queue.deleted(), 0);
    assert_eq!(
        harness.queue.depth_now().visible,
        1,
        "it is there for anybody at once"
    );
}

#[tokio::test(start_paused = true)]
async fn malformed_message_is_dead_lettered_with_its_receive_count_and_deleted() {
    let bodies = [envelope(r#"{"uuid":"u"}"#), Bytes::from_static(b"not json")];
    let harness = Harness::with(SqsSimulator::builder(), &bodies);
    // Another consumer received it before and did not settle it.
    let first = okta_coralogix_core::EventSource::next(&mut harness.source().await).await;
    drop(first);
    harness.queue.show_all();
    let summary = harness.run().await;
    assert_eq!(summary.dead_lettered, 2);
    for letter in harness.dead_letters.records() {
        assert_eq!(letter.reason, DeadLetterReason::Malformed);
        assert!(bodies.contains(&letter.bytes));
        let record = serde_json::to_value(DeadLetterRecord::from(&letter)).unwrap();
        assert_eq!(record["origin"]["receive_count"], 2, "{record}");
    }
    harness.assert_all_once(&[]);
}

#[tokio::test(start_paused = true)]
async fn rejected_event_is_dead_lettered_with_its_receive_count() {
    let bodies = envelopes(20);
    let poison = bodies[7].clone();
    let mut harness = Harness::with(SqsSimulator::builder(), &bodies);
    let refused = poison.clone();
    harness.sink = MemorySink::new().refusing(move |text| text == refused);
    let summary = harness.run().await;
    assert_eq!((summary.delivered, summary.dead_lettered), (19, 1));
    let letters = harness.dead_letters.records();
    assert_eq!(letters[0].bytes, poison);
    assert_eq!(letters[0].origin.receive_count, Some(1));
    assert_eq!(letters[0].origin.org, "acme");
    assert!(harness.queue.depth_now().is_empty());
}

#[tokio::test(start_paused = true)]
async fn expired_event_is_counted_and_its_message_deleted() {
    let old = start() - TimeDelta::hours(25);
    let detail = format!(r#"{{"uuid":"old","published":"{}"}}"#, old.to_rfc3339());
    let harness = Harness::with(SqsSimulator::builder(), &[envelope(&detail)]);
    assert_eq!(harness.run().await.too_old, 1);
    harness.assert_all_once(&[]);
}

#[tokio::test(start_paused = true)]
async fn host_clock_a_day_ahead_drops_nothing() {
    let bodies = envelopes(5);
    let harness = Harness::with(SqsSimulator::builder(), &bodies);
    let ahead = TimeDelta::hours(26);
    harness.clock.set_offset(ahead);
    let host = start() + ahead;
    harness
        .queue
        .set_clock_offset(okta_coralogix_core::ClockOffset::between(host, start()));
    assert_eq!(harness.run().await.delivered, 5);
}

#[tokio::test(start_paused = true)]
async fn refused_key_ends_the_run_and_returns_every_message_at_once() {
    let bodies = envelopes(30);
    let harness = Harness::with(SqsSimulator::builder(), &bodies);
    harness.sink.refuse_all(Some(|| {
        Error::new(ErrorKind::Unauthorized, "the key is refused")
    }));
    let source = harness.source().await;
    let drain_handle = source.drain_handle();
    let failed = harness
        .pipeline(source)
        .build()
        .unwrap()
        .run(std::future::pending())
        .await;
    let failed = failed.unwrap_err();
    assert_eq!(failed.error.kind(), ErrorKind::Unauthorized);
    assert!(failed.summary.is_balanced() && failed.summary.delivered == 0);
    drain_handle.wait().await;
    assert_eq!(harness.queue.depth_now().visible, 30);
    assert_eq!(harness.queue.deleted(), 0);
}

#[tokio::test(start_paused = true)]
async fn unsettled_message_moves_to_the_queues_dead_letter_queue() {
    let harness = Harness::with(SqsSimulator::builder().max_receive_count(3), &envelopes(1));
    for _ in 0..4 {
        let source = SqsSource::builder()
            .queue(harness.queue.clone())
            .open()
            .await
            .unwrap();
        let drain_handle = source.drain_handle();
        harness
            .sink
            .script([SinkFault::Refuse(Error::new(ErrorKind::Forbidden, "no"))]);
        let run = harness
            .pipeline(source)
            .refusal_wait(secs(0))
            .build()
            .unwrap()
            .run(tokio::time::sleep(secs(30)));
        let was_dead = harness.queue.dead().contains(&envelopes(1)[0]);
        assert_eq!(
            run.await.is_ok(),
            was_dead,
            "it fails while the message comes"
        );
        drain_handle.wait().await;
    }
    assert_eq!(harness.queue.dead().len(), 1);
    assert_eq!(
        harness.queue.deleted(),
        0,
        "the redrive policy took it, nobody deleted it"
    );
}

#[tokio::test(start_paused = true)]
async fn received_messages_are_delivered_while_the_next_receive_waits() {
    let harness = Harness::with(SqsSimulator::builder(), &envelopes(10));
    let source = SqsSource::builder().queue(harness.queue.clone());
    let mut source = source.open().await.unwrap();
    let next = okta_coralogix_core::EventSource::next(&mut source);
    let delivery = tokio::time::timeout(secs(1), next).await.unwrap();
    assert_eq!(delivery.unwrap().unwrap().items.len(), 10);
}
