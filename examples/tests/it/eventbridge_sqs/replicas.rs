//! Replicas on one queue need no configuration, and no message arrives twice.

use std::time::Instant;

use eventbridge_source::sqs::simulator::SqsSimulator;
use tokio::process::Child;

use super::harness::Harness;
use crate::harness::Exit;

const EVENTS: usize = 8000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_share_a_queue_and_no_message_arrives_twice() {
    for replicas in [1, 3] {
        let mut harness = Harness::new(SqsSimulator::builder().max_receive_count(10).build()).await;
        let consumers: Vec<Child> = (0..replicas).map(|_| harness.start(&[])).collect();
        // They are up once each of them waits for messages.
        harness.queue.wait_for_receives(replicas).await;
        let start = Instant::now();
        let events = harness.backlog(EVENTS);
        harness.seen.wait_for(|seen| *seen >= EVENTS).await.unwrap();
        let took = start.elapsed();
        let mut delivered = Vec::new();
        for consumer in consumers {
            crate::harness::terminate(&consumer).await;
            let ended = Exit::of(consumer).await;
            assert_eq!(ended.code, Some(0), "{ended:?}");
            delivered.push(ended.summary()["delivered"]);
        }
        println!("{replicas} replicas: {EVENTS} messages in {took:?}, each {delivered:?}");
        assert_eq!(delivered.iter().sum::<u64>(), EVENTS as u64);
        let ledger = harness.ingress.ledger();
        let missing = ledger.missing(events.iter().map(|event| &*event.uuid));
        assert_eq!(missing, [""; 0]);
        assert_eq!(ledger.repeats(), 0);
        assert!(harness.queue.depth_now().is_empty());
    }
}
