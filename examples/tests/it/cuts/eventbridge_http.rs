use std::time::Instant;

use super::{Proxy, TO_THE_INGRESS, assert_only_whole_requests_repeat};
use crate::eventbridge_http::program::{World, envelope};
use crate::program::{fresh, terminate};
use crate::rounds::seeds;

const EVENTS: usize = 600;

/// A connection for each event: 2 to 40 KB up, a short answer down. Half of them pass.
const TO_THE_PROGRAM: (usize, usize) = (40 << 10, 6 << 10);

/// How much faster than EventBridge the caller comes again.
const COMPRESS: f64 = 50.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cuts_on_both_sides_of_eventbridge_http_lose_nothing_and_repeat_only_whole_requests() {
    for seed in seeds(3) {
        let world = World::new().await;
        let events = fresh(EVENTS);
        let address = world.ingress_server.base_url();
        let ingress = Proxy::before(&address, TO_THE_INGRESS, !seed).await;
        let mut variables = world.variables();
        variables.insert("CORALOGIX_ENDPOINT", ingress.base_url());
        let mut program = world.listen(&variables, &[]).await;
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
        let repeats = assert_only_whole_requests_repeat(&world.ingress.ledger(), &events, ingress);
        println!(
            "seed {seed}, {:?}: {EVENTS} events, {} attempts more, cut from the caller {proxy:?}, to the ingress {ingress:?}: 0 lost, {repeats} repeated",
            began.elapsed(),
            report.retries()
        );
        assert!(proxy.all() > 0 && ingress.all() > 0, "nothing was cut");
    }
}
