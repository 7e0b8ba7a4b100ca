use std::time::Instant;

use super::{Proxy, TO_THE_INGRESS, assert_only_requests_and_their_parts_repeat};
use crate::eventbridge_http::harness::{Harness, envelope};
use crate::harness::{fresh, terminate};
use crate::seeds::seeds;

const EVENTS: usize = 600;

/// A connection for each event: 2 to 40 KB up, a short answer down. Half of them pass.
const TO_THE_PROGRAM: (usize, usize) = (40 << 10, 6 << 10);

/// How much faster than EventBridge the caller comes again.
const COMPRESS: f64 = 50.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_disconnects_lose_nothing_and_repeat_only_lost_requests() {
    for seed in seeds(3) {
        let harness = Harness::new().await;
        let events = fresh(EVENTS);
        let address = harness.ingress_server.base_url();
        let ingress = Proxy::before(&address, TO_THE_INGRESS, !seed).await;
        let mut variables = harness.variables();
        variables.insert("CORALOGIX_ENDPOINT", ingress.base_url());
        let mut program = harness.listen(&variables, &[]).await;
        let proxy = Proxy::before(&program.address, TO_THE_PROGRAM, seed).await;
        program.address = proxy.base_url().replace("http://", "");
        let destination = program.destination().seed(seed).compress(COMPRESS).build();
        let began = Instant::now();
        let report = destination
            .invoke_all(events.iter().map(|event| envelope(&event.json)))
            .await;
        assert_eq!(report.invoked.len(), EVENTS, "{:?}", report.undelivered);
        terminate(&program.child).await;
        let ended = program.ended().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.summary();
        let (proxy, ingress) = (proxy.cuts(), ingress.cuts());
        let repeats = assert_only_requests_and_their_parts_repeat(
            &harness.ingress.ledger(),
            &events,
            ingress,
        );
        println!(
            "seed {seed}, {:?}: {EVENTS} events, {} attempts more, cut from the caller {proxy:?}, to the ingress {ingress:?}: 0 lost, {repeats} repeated",
            began.elapsed(),
            report.retries()
        );
        assert!(proxy.all() > 0 && ingress.all() > 0, "nothing was cut");
    }
}
