//! Replicas on one queue: nothing is configured for them, and nothing arrives twice.

use std::time::Instant;

use eventbridge_source::sqs::simulator::SqsSimulator;
use tokio::process::Child;

use super::world::World;
use crate::program::Ended;

const EVENTS: usize = 8000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_share_a_queue_and_no_message_arrives_twice() {
    for replicas in [1, 3] {
        let mut world = World::new(SqsSimulator::builder().redrive_after(10).build()).await;
        let consumers: Vec<Child> = (0..replicas).map(|_| world.start(&[])).collect();
        // They are up once each of them waits for messages.
        world.queue.wait_for_receives(replicas).await;
        let start = Instant::now();
        let events = world.backlog(EVENTS);
        world.seen.wait_for(|seen| *seen >= EVENTS).await.unwrap();
        let took = start.elapsed();
        let mut delivered = Vec::new();
        for consumer in consumers {
            crate::program::terminate(&consumer).await;
            let ended = Ended::of(consumer).await;
            assert_eq!(ended.code, Some(0), "{ended:?}");
            delivered.push(ended.summary()["delivered"]);
        }
        println!("{replicas} replicas: {EVENTS} messages in {took:?}, each {delivered:?}");
        assert_eq!(delivered.iter().sum::<u64>(), EVENTS as u64);
        let ledger = world.ingress.ledger();
        let missing = ledger.missing(events.iter().map(|event| &*event.uuid));
        assert_eq!(missing, [""; 0]);
        assert_eq!(ledger.repeats(), 0);
        assert!(world.queue.depth_now().is_empty());
    }
}
