use std::time::Instant;

use super::{Proxy, TO_THE_INGRESS, assert_only_requests_and_their_parts_repeat};
use crate::harness::{Exit, Harness, start};
use crate::seeds::seeds;

const EVENTS: usize = 8000;

/// Some pages of 1,000 events of 2 KB come back on a connection to the org; what goes up is heads.
const TO_THE_ORG: (usize, usize) = (4 << 10, 12 << 20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pull_disconnects_lose_nothing_and_repeat_only_lost_requests() {
    for seed in seeds(1) {
        let harness = Harness::new().await;
        let events = harness.backlog(EVENTS);
        let org = Proxy::before(&harness.org_server.base_url(), TO_THE_ORG, seed).await;
        let address = harness.ingress_server.base_url();
        let ingress = Proxy::before(&address, TO_THE_INGRESS, !seed).await;
        let mut variables = harness.variables();
        variables.insert("OKTA_ORG_URL", org.base_url());
        variables.insert("CORALOGIX_ENDPOINT", ingress.base_url());
        let began = Instant::now();
        let ended = Exit::of(start(harness.folder.path(), &variables, &["--once"])).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let counts = ended.summary();
        let delivered = events.len() as u64;
        assert_eq!((counts["delivered"], counts["handed_back"]), (delivered, 0));
        let (org, ingress) = (org.cuts(), ingress.cuts());
        let repeats = assert_only_requests_and_their_parts_repeat(
            &harness.ingress.ledger(),
            &events,
            ingress,
        );
        println!(
            "seed {seed}, {:?}: {EVENTS} events, cut to the org {org:?}, to the ingress {ingress:?}: 0 lost, {repeats} repeated",
            began.elapsed()
        );
        assert!(org.all() > 0 && ingress.all() > 0, "nothing was cut");
    }
}
