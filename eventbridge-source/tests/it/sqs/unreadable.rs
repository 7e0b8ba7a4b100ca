//! A queue that holds something else than Okta's events is not emptied into the dead letters.

use bytes::Bytes;
use eventbridge_source::sqs::SqsSource;
use eventbridge_source::sqs::simulator::{Call, Queue, SqsSimulator};
use okta_coralogix_core::pipeline::RunError;
use okta_coralogix_core::testing::LogCapture;
use okta_coralogix_core::{Error, ErrorKind, EventSource, Outcome};
use tokio::time::timeout;

use crate::body::wrapped::{each_wrapping, without_time};

use super::harness::{Harness, envelopes, secs};

fn unreadable(count: usize) -> Vec<Bytes> {
    let message = |n| format!(r#"{{"detail":null,"n":{n}}}"#).into();
    (0..count).map(message).collect()
}

/// The run ended at the first so many messages, and gave none to the pipeline.
fn assert_refused(failed: &RunError, messages: usize) {
    let message = failed.error.to_string();
    let named = format!("no event was found in any of the first {messages} messages");
    assert!(
        message.contains(&named) && message.contains("`published` is missing"),
        "{message}"
    );
    assert!(!failed.error.is_temporary());
    assert_eq!(failed.summary.received, 0);
}

/// So many messages are in the queue, and nothing was made of any.
fn assert_left_alone(harness: &Harness, messages: usize) {
    assert_eq!(harness.dead_letters.records().len(), 0);
    let (deleted, dead) = (harness.queue.deleted(), harness.queue.dead().len());
    assert_eq!((deleted, dead), (0, 0));
    let depth = harness.queue.depth_now();
    assert_eq!((depth.visible, depth.in_flight), (messages as u64, 0));
}

#[tokio::test(start_paused = true)]
async fn queue_without_events_ends_the_run_and_stays_as_it_is() {
    // With the first of them nothing else is in the queue; with the last there are events behind.
    for (count, once, behind) in [(3, true, 0), (20, false, 0), (45, false, 0), (25, true, 5)] {
        let bodies = [unreadable(count), envelopes(behind)].concat();
        let harness = Harness::with(SqsSimulator::builder().max_receive_count(10), &bodies);
        let source = SqsSource::builder().queue(harness.queue.clone());
        let source = source.once(once).seed(1).open().await.unwrap();
        let drain = source.drain_handle();
        let pipeline = harness.pipeline(source).build().unwrap();
        let failed = pipeline.run(std::future::pending()).await.unwrap_err();
        drain.wait().await;
        assert_refused(&failed, count.min(20));
        assert_left_alone(&harness, bodies.len());
    }
}

#[tokio::test(start_paused = true)]
async fn unreadable_messages_are_dead_lettered_once_an_event_was_seen() {
    let bodies = envelopes(2);
    let all = [unreadable(19), bodies.clone(), unreadable(30)].concat();
    let harness = Harness::with(SqsSimulator::builder(), &all);
    let summary = harness.run().await;
    assert_eq!((summary.delivered, summary.dead_lettered), (2, 49));
    harness.assert_all_once(&bodies);
}

#[tokio::test(start_paused = true)]
async fn message_with_an_event_without_a_time_is_none_of_the_unreadable() {
    for body in each_wrapping(&without_time()) {
        let bodies = vec![Bytes::from(body.clone()); 20];
        let harness = Harness::with(SqsSimulator::builder(), &bodies);
        let summary = harness.run().await;
        assert_eq!(summary.dead_lettered, 20, "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn unreadable_message_is_kept_hidden_until_an_event_comes() {
    let harness = Harness::with(SqsSimulator::builder(), &unreadable(1));
    let mut source = SqsSource::builder()
        .queue(harness.queue.clone())
        .open()
        .await
        .unwrap();
    let mut next = Box::pin(source.next());
    let early = timeout(secs(600), &mut next).await;
    assert!(early.is_err(), "nothing is delivered");
    assert_eq!(harness.queue.receives(), 1, "its visibility is extended");
    harness.queue.send(envelopes(1).remove(0));
    let delivery = next.await.unwrap().unwrap();
    assert_eq!(delivery.items.len(), 2);
    delivery.acker.settle(&[Outcome::Settled; 2]).await.unwrap();
    assert!(harness.queue.depth_now().is_empty());
}

#[tokio::test(start_paused = true)]
async fn unreadable_message_of_a_fifo_group_does_not_stop_the_group() {
    let harness = Harness::new(SqsSimulator::builder().fifo());
    harness.queue.send_in_group("g", unreadable(1).remove(0));
    let source = SqsSource::builder().queue(harness.queue.clone());
    let mut source = source.seed(1).open().await.unwrap();
    let mut next = Box::pin(source.next());
    assert!(timeout(secs(5), &mut next).await.is_err());
    harness.queue.send_in_group("g", envelopes(1).remove(0));
    let delivery = timeout(secs(120), next).await.unwrap();
    assert_eq!(delivery.unwrap().unwrap().items.len(), 2);
    assert_eq!(harness.queue.deleted(), 0);
}

#[tokio::test(start_paused = true)]
async fn fifo_group_of_a_message_that_was_held_keeps_its_order() {
    let harness = Harness::new(SqsSimulator::builder().fifo());
    let [first, second] = envelopes(2).try_into().unwrap();
    harness.queue.send_in_group("a", unreadable(1).remove(0));
    harness.queue.send_in_group("b", first);
    harness.queue.send_in_group("a", second);
    let source = SqsSource::builder().queue(harness.queue.clone());
    let source = source.max_delivery_messages(1).seed(1);
    let mut source = source.open().await.unwrap();
    let delivery = source.next().await.unwrap().unwrap();
    assert_eq!(delivery.items.len(), 2, "the one that was held comes too");
    let early = timeout(secs(60), source.next()).await;
    assert!(early.is_err(), "the group waits for its first message");
    delivery.acker.settle(&[Outcome::Settled; 2]).await.unwrap();
    let delivery = source.next().await.unwrap().unwrap();
    assert_eq!(delivery.items.len(), 1);
}

/// SQS gives at most ten of a group, and none behind them while they are held.
#[tokio::test(start_paused = true)]
async fn fifo_group_that_begins_with_unreadable_messages_ends_the_run() {
    // The last one with counts that are a minute old.
    for (count, once, lag) in [
        (10, true, 0),
        (10, false, 0),
        (12, true, 0),
        (12, false, 60),
    ] {
        let queue = SqsSimulator::builder().fifo().max_receive_count(5);
        let harness = Harness::new(queue.counts_lag(secs(lag)));
        let bodies = [unreadable(count), envelopes(1)].concat();
        for body in &bodies {
            harness.queue.send_in_group("g", body.clone());
        }
        let source = SqsSource::builder().queue(harness.queue.clone());
        let source = source.once(once).seed(1).open().await.unwrap();
        let drain = source.drain_handle();
        let pipeline = harness.pipeline(source).build().unwrap();
        let ran = timeout(secs(600), pipeline.run(std::future::pending())).await;
        let failed = ran.expect("the run ends").unwrap_err();
        drain.wait().await;
        assert_refused(&failed, 10);
        assert_eq!(harness.queue.receives(), 20, "each was handed back once");
        assert_left_alone(&harness, bodies.len());
    }
}

#[tokio::test(start_paused = true)]
async fn unreadable_fifo_message_is_received_once_while_nothing_is_behind_it() {
    let harness = Harness::new(SqsSimulator::builder().fifo());
    harness.queue.send_in_group("g", unreadable(1).remove(0));
    let source = SqsSource::builder().queue(harness.queue.clone());
    let mut source = source.seed(1).open().await.unwrap();
    for number in 2..=3 {
        assert!(timeout(secs(600), source.next()).await.is_err());
        assert_eq!(harness.queue.receives(), (1..number).sum::<u64>());
        // Each comes with those before it.
        let another = format!(r#"{{"number":{number}}}"#);
        harness.queue.send_in_group("g", another);
    }
    assert!(timeout(secs(600), source.next()).await.is_err());
    harness.queue.send_in_group("g", envelopes(1).remove(0));
    let delivery = timeout(secs(120), source.next()).await.unwrap();
    assert_eq!(delivery.unwrap().unwrap().items.len(), 4);
}

/// A message that was handed back counts as visible for a minute after it is held again.
#[tokio::test(start_paused = true)]
async fn late_counts_of_a_fifo_queue_do_not_end_the_run() {
    let harness = Harness::new(SqsSimulator::builder().fifo().counts_lag(secs(60)));
    harness.queue.send_in_group("g", unreadable(1).remove(0));
    let source = SqsSource::builder().queue(harness.queue.clone());
    let mut source = source.seed(1).open().await.unwrap();
    assert!(timeout(secs(600), source.next()).await.is_err());
    assert_eq!(harness.queue.receives(), 1, "its own count is not believed");
    harness.queue.send_in_group("g", r#"{"number":2}"#);
    assert!(timeout(secs(600), source.next()).await.is_err());
    assert_eq!(harness.queue.receives(), 3);
    harness.queue.send_in_group("g", envelopes(1).remove(0));
    let delivery = timeout(secs(200), source.next()).await.unwrap();
    assert_eq!(delivery.unwrap().unwrap().items.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn fifo_event_that_is_delayed_is_waited_for() {
    let delay = secs(900);
    let harness = Harness::new(SqsSimulator::builder().fifo().delay(delay));
    harness.queue.send_in_group("g", unreadable(1).remove(0));
    let source = SqsSource::builder().queue(harness.queue.clone());
    let mut source = source.seed(1).open().await.unwrap();
    assert!(timeout(delay + secs(10), source.next()).await.is_err());
    harness.queue.send_in_group("g", envelopes(1).remove(0));
    assert!(timeout(delay - secs(20), source.next()).await.is_err());
    assert_eq!(harness.queue.receives(), 1, "nothing is behind it yet");
    let delivery = timeout(secs(60), source.next()).await.unwrap();
    assert_eq!(delivery.unwrap().unwrap().items.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn fifo_messages_behind_those_of_another_consumer_do_not_end_the_run() {
    let harness = Harness::new(SqsSimulator::builder().fifo());
    let events = envelopes(2);
    for event in &events {
        harness.queue.send_in_group("a", event.clone());
    }
    let hour = secs(3600);
    harness.queue.receive(secs(0), hour).await.unwrap();
    harness.queue.send_in_group("a", envelopes(3).remove(2));
    harness.queue.send_in_group("g", unreadable(1).remove(0));
    let source = SqsSource::builder().queue(harness.queue.clone());
    let mut source = source.seed(1).open().await.unwrap();
    let delivery = timeout(hour * 2, source.next()).await;
    let items = delivery.unwrap().unwrap().unwrap().items;
    assert_eq!(items.iter().filter(|item| item.is_ok()).count(), 3);
}

#[tokio::test(start_paused = true)]
async fn unreadable_messages_that_are_held_are_warned_about_each_minute() {
    let harness = Harness::with(SqsSimulator::builder(), &unreadable(2));
    let source = SqsSource::builder().queue(harness.queue.clone());
    let mut source = source.seed(1).open().await.unwrap();
    let log = LogCapture::start();
    assert!(timeout(secs(10), source.next()).await.is_err());
    let warnings = log.containing("WARN ");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains("2 so far; `published` is missing"),
        "{warnings:?}"
    );
    assert!(timeout(secs(600), source.next()).await.is_err());
    assert_eq!(log.containing("WARN ").len(), 11);
    harness.queue.send(envelopes(1).remove(0));
    let delivery = source.next().await.unwrap().unwrap();
    assert!(timeout(secs(600), source.next()).await.is_err());
    assert_eq!(
        log.containing("WARN ").len(),
        11,
        "none once an event was seen"
    );
    drop(delivery);
}

#[tokio::test(start_paused = true)]
async fn refused_deletion_ends_the_run_and_shows_nothing_again_at_once() {
    let bodies = envelopes(5);
    let harness = Harness::with(SqsSimulator::builder(), &bodies);
    let denied = Error::new(ErrorKind::Forbidden, "SQS refused sqs:DeleteMessage");
    harness.queue.fail_calls(Call::Delete, [denied]);
    let source = harness.source().await;
    let drain = source.drain_handle();
    let pipeline = harness.pipeline(source).build().unwrap();
    let failed = pipeline.run(std::future::pending()).await.unwrap_err();
    drain.wait().await;
    assert_eq!(failed.error.kind(), ErrorKind::Forbidden);
    let depth = harness.queue.depth_now();
    assert_eq!(
        (depth.visible, depth.in_flight),
        (0, 5),
        "no consumer gets them again now"
    );
    assert_eq!(harness.queue.receives(), 5);
}
