//! The order of a message group.

use bytes::Bytes;
use eventbridge_source::sqs::SqsSource;
use eventbridge_source::sqs::simulator::SqsSimulator;
use okta_coralogix_core::testing::{MemorySink, SinkFault};
use okta_coralogix_core::{Error, ErrorKind, EventSource, Outcome};

use super::harness::{Harness, envelopes, secs};

/// Two groups, their messages in turn.
fn two_groups(harness: &Harness, count: usize) -> [Vec<Bytes>; 2] {
    let mut groups = [Vec::new(), Vec::new()];
    for (n, body) in envelopes(count).into_iter().enumerate() {
        harness.queue.send_in_group(["a", "b"][n % 2], body.clone());
        groups[n % 2].push(body);
    }
    groups
}

fn assert_in_order(harness: &Harness, groups: &[Vec<Bytes>]) {
    let arrived = harness.sink.arrived();
    for group in groups {
        let of_group: Vec<_> = arrived.iter().filter(|body| group.contains(body)).collect();
        assert_eq!(of_group, group.iter().collect::<Vec<_>>());
    }
}

#[tokio::test(start_paused = true)]
async fn fifo_group_arrives_in_order_through_faults() {
    let mut harness = Harness::new(SqsSimulator::builder().fifo());
    harness.sink = MemorySink::new().with_latency(secs(1));
    let groups = two_groups(&harness, 100);
    let fault = || SinkFault::Refuse(Error::temporary(ErrorKind::Unavailable, "HTTP 503"));
    harness
        .sink
        .script([fault(), SinkFault::Accept, fault(), fault()]);
    let source = harness.source().await;
    assert!(source.attributes().is_fifo);
    let pipeline = harness
        .pipeline(source)
        .max_in_flight_requests(1)
        .build()
        .unwrap();
    let summary = pipeline.run(std::future::pending()).await.unwrap();
    assert_eq!(summary.delivered, 100);
    assert_in_order(&harness, &groups);
    assert!(harness.queue.depth_now().is_empty());
}

#[tokio::test(start_paused = true)]
async fn fifo_group_resumes_with_the_message_that_was_handed_back() {
    let harness = Harness::new(SqsSimulator::builder().fifo());
    let groups = two_groups(&harness, 20);
    let mut source = harness.source().await;
    let delivery = source.next().await.unwrap().unwrap();
    // The second message of `a` is handed back, and then those of its group that were received with it.
    let mut outcomes = vec![Outcome::Settled; delivery.items.len()];
    outcomes[2] = Outcome::HandedBack;
    delivery.acker.settle(&outcomes).await.unwrap();
    let mut rest = Vec::new();
    while let Some(delivery) = source.next().await.unwrap() {
        rest.extend(
            delivery
                .items
                .iter()
                .map(|item| item.as_ref().unwrap().document().clone()),
        );
        let settled = vec![Outcome::Settled; delivery.items.len()];
        delivery.acker.settle(&settled).await.unwrap();
    }
    let of_a: Vec<_> = rest
        .iter()
        .filter(|body| groups[0].contains(body))
        .collect();
    assert_eq!(of_a, groups[0][1..].iter().collect::<Vec<_>>());
    let of_b: Vec<_> = rest
        .iter()
        .filter(|body| groups[1].contains(body))
        .collect();
    assert_eq!(
        of_b,
        groups[1][5..].iter().collect::<Vec<_>>(),
        "the other group went on"
    );
}

#[tokio::test(start_paused = true)]
async fn fifo_group_waits_while_the_pipeline_has_a_message_of_it() {
    let harness = Harness::new(SqsSimulator::builder().fifo());
    let groups = two_groups(&harness, 4);
    let source = SqsSource::builder()
        .queue(harness.queue.clone())
        .max_delivery_messages(1)
        .once(true);
    let mut source = source.open().await.unwrap();
    let first = source.next().await.unwrap().unwrap();
    let second = source.next().await.unwrap().unwrap();
    let body = |delivery: &okta_coralogix_core::Delivery| {
        delivery.items[0].as_ref().unwrap().document().clone()
    };
    assert_eq!(
        [body(&first), body(&second)],
        [groups[0][0].clone(), groups[1][0].clone()]
    );
    // Both groups have one message with the pipeline: nothing is given before one of them is settled.
    tokio::time::timeout(secs(10), source.next())
        .await
        .unwrap_err();
    first.acker.settle(&[Outcome::Settled]).await.unwrap();
    let third = source.next().await.unwrap().unwrap();
    assert_eq!(body(&third), groups[0][1]);
    drop((second, third));
}

/// The successors of a message that goes back were received with it, and wait for their delivery.
#[tokio::test(start_paused = true)]
async fn fifo_messages_behind_one_that_goes_back_go_back_with_it() {
    for is_dropped in [false, true] {
        let harness = Harness::new(SqsSimulator::builder().fifo());
        let groups = two_groups(&harness, 8);
        let source = SqsSource::builder()
            .queue(harness.queue.clone())
            .max_delivery_messages(1);
        let mut source = source.once(true).seed(1).open().await.unwrap();
        let first = source.next().await.unwrap().unwrap();
        match is_dropped {
            true => drop(first.acker),
            false => {
                let handed_back = first.acker.settle(&[Outcome::HandedBack]);
                handed_back.await.unwrap();
            }
        }
        let mut given = Vec::new();
        while let Some(delivery) = source.next().await.unwrap() {
            given.push(delivery.items[0].as_ref().unwrap().document().clone());
            delivery.acker.settle(&[Outcome::Settled]).await.unwrap();
        }
        for group in &groups {
            let of_group: Vec<_> = given.iter().filter(|body| group.contains(body)).collect();
            assert_eq!(of_group, group.iter().collect::<Vec<_>>(), "{is_dropped}");
        }
        // The other group is received once.
        assert_eq!(harness.queue.receives(), 12);
    }
}
