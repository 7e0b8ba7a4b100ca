//! Several consumers of one queue, of which one is killed again and again.

use std::time::{Duration, Instant};

use coralogix_sink::simulator::Fault;
use eventbridge_source::sqs::simulator::SqsSimulator;
use tokio::process::Child;
use tokio::time::sleep;

use super::harness::Harness;
use crate::harness::Exit;
use crate::seeds::seeds;

const EVENTS: usize = 20_000;
const CONSUMERS: usize = 3;
const KILLS: usize = 12;

/// Messages of one consumer: 4 deliveries of 1,000, 1,000 read ahead, and those of 4 receives.
const MAX_HELD: u64 = 4 * 1000 + 1000 + 4 * 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_consumers_lose_nothing_and_repeat_only_messages_in_flight() {
    for seed in seeds(5) {
        killed(seed).await;
    }
}

async fn killed(seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let queue = SqsSimulator::builder()
        .visibility_timeout(Duration::from_secs(5))
        .max_receive_count(1000)
        .build();
    let mut harness = Harness::new(queue).await;
    let events = harness.backlog(EVENTS);
    // Of a hundred entries of delete batches one fails once, and one always.
    let failures: Vec<_> = (0..EVENTS / 100).flat_map(|_| [false, true]).collect();
    harness
        .ingress
        .fail_always(Some(Fault::Slow(Duration::from_millis(20))));
    let start = Instant::now();
    let mut consumers: Vec<Child> = (0..CONSUMERS).map(|_| harness.start(&["--once"])).collect();
    for kill in 0..KILLS {
        harness
            .queue
            .fail_deletes(failures.iter().copied().skip(kill).step_by(KILLS));
        let target = *harness.seen.borrow() + rng.usize(1..EVENTS / KILLS);
        let victim = rng.usize(..CONSUMERS);
        tokio::select! {
            _ = harness.seen.wait_for(|seen| *seen >= target) => {}
            ended = consumers[victim].wait() => panic!("it ended before kill {kill}: {ended:?}"),
        }
        sleep(Duration::from_micros(rng.u64(..40_000))).await;
        consumers[victim].kill().await.unwrap();
        consumers[victim] = harness.start(&["--once"]);
    }
    harness.ingress.fail_always(None);
    for consumer in consumers {
        let ended = Exit::of(consumer).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.summary();
    }

    let ledger = harness.ingress.ledger();
    let missing = ledger.missing(events.iter().map(|event| &*event.uuid));
    assert_eq!(missing, [""; 0], "nothing is lost");
    assert!(harness.queue.depth_now().is_empty() && harness.queue.dead().is_empty());
    let repeats = ledger.repeats() as u64;
    let again = harness.queue.receives() - EVENTS as u64;
    println!(
        "seed {seed}, {CONSUMERS} consumers, {KILLS} kills, {EVENTS} messages, {:?}: 0 lost, {repeats} repeated, {again} received again",
        start.elapsed()
    );
    assert!(repeats <= again, "a repeat needs a message that came again");
    let max = KILLS as u64 * MAX_HELD + failures.len() as u64;
    assert!(
        again <= max,
        "{again} received again, at most {max} were held"
    );
}
