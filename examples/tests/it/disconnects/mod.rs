//! Connections that are cut before, within and after requests and answers, on both sides of each program.
//!
//! The program does not crash, so that it repeats only requests whose answers were lost, with the same bytes.

mod eventbridge_http;
mod eventbridge_sqs;
mod proxy;
mod pull;

use std::collections::HashMap;

use coralogix_sink::simulator::Ledger;
use okta_coralogix_core::testing::GeneratedEvent;

use self::proxy::Cuts;
pub(crate) use self::proxy::Proxy;

/// The maximum of bytes up and down a connection to the ingress: a few requests, some tens of short answers.
const TO_THE_INGRESS: (usize, usize) = (1 << 20, 2 << 10);

/// No event is missing, and an entry that arrived twice was in a request that arrived twice.
fn assert_only_whole_requests_repeat(
    ledger: &Ledger,
    events: &[GeneratedEvent],
    ingress: Cuts,
) -> usize {
    let missing = ledger.missing(events.iter().map(|event| &*event.uuid));
    assert_eq!(missing, [""; 0], "nothing is lost");
    let mut copies: HashMap<u64, usize> = HashMap::new();
    let (mut again, mut explained) = (0, 0);
    for request in ledger.requests().iter().filter(|request| request.accepted) {
        let count = copies.entry(request.wire_hash).or_default();
        if *count > 0 && request.entries > 0 {
            again += 1;
            explained += request.entries;
        }
        *count += 1;
    }
    assert_eq!(ledger.repeats(), explained, "a repeat is a whole request");
    assert!(
        again <= ingress.all(),
        "{again} requests came again, for {ingress:?}"
    );
    explained
}
