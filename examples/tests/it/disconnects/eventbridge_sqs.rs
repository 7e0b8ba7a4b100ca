use std::time::{Duration, Instant};

use eventbridge_source::sqs::simulator::SqsSimulator;

use super::{Proxy, TO_THE_INGRESS, assert_only_requests_and_their_parts_repeat};
use crate::eventbridge_sqs::harness::Harness;
use crate::harness::{Exit, start_program};
use crate::seeds::seeds;

const EVENTS: usize = 1500;

/// Receives bring up to 10 messages of 2 KB; a delete has the handles of 10.
const TO_THE_QUEUE: (usize, usize) = (64 << 10, 512 << 10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqs_disconnects_lose_nothing_and_repeat_only_lost_requests() {
    for seed in seeds(2) {
        // Messages whose receive was cut come again after this long.
        let queue = SqsSimulator::builder()
            .visibility_timeout(Duration::from_secs(5))
            .max_receive_count(1000)
            .build();
        let harness = Harness::new(queue).await;
        let events = harness.backlog(EVENTS);
        let queue = Proxy::before(&harness.queue_server.endpoint(), TO_THE_QUEUE, seed).await;
        let address = harness.ingress_server.base_url();
        let ingress = Proxy::before(&address, TO_THE_INGRESS, !seed).await;
        let mut variables = harness.variables();
        variables.insert("AWS_ENDPOINT_URL", queue.base_url());
        variables.insert("CORALOGIX_ENDPOINT", ingress.base_url());
        let began = Instant::now();
        let folder = harness.folder.path();
        let program = start_program("eventbridge_sqs", folder, &variables, &["--once"]);
        let ended = Exit::of(program).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.summary();
        assert!(harness.queue.depth_now().is_empty() && harness.queue.dead().is_empty());
        let (queue, ingress) = (queue.cuts(), ingress.cuts());
        let repeats = assert_only_requests_and_their_parts_repeat(
            &harness.ingress.ledger(),
            &events,
            ingress,
        );
        println!(
            "seed {seed}, {:?}: {EVENTS} messages, cut to the queue {queue:?}, to the ingress {ingress:?}: 0 lost, {repeats} repeated",
            began.elapsed()
        );
        assert!(queue.all() > 0 && ingress.all() > 0, "nothing was cut");
    }
}
