//! Connections that are cut before, within and after requests and answers, on both sides of each program.
//!
//! The program does not crash, so that it repeats only requests whose answers were lost, with the same bytes or in halves.

mod eventbridge_http;
mod eventbridge_sqs;
mod proxy;
mod pull;

use std::collections::{HashMap, HashSet};

use coralogix_sink::simulator::Ledger;
use okta_coralogix_core::testing::GeneratedEvent;

use self::proxy::Cuts;
pub(crate) use self::proxy::Proxy;

/// The maximum of bytes up and down a connection to the ingress: a few requests, some tens of short answers.
const TO_THE_INGRESS: (usize, usize) = (1 << 20, 2 << 10);

/// No event is missing, and an entry arrived again in the same request, whose answer was lost, or in a part of it: a request whose answer is
/// lost four times while others pass is halved. Returns the number of repeats.
fn assert_only_requests_and_their_parts_repeat(
    ledger: &Ledger,
    events: &[GeneratedEvent],
    ingress: Cuts,
) -> usize {
    let missing = ledger.missing(events.iter().map(|event| &*event.uuid));
    assert_eq!(missing, [""; 0], "nothing is lost");
    let mut copies: HashMap<u64, usize> = HashMap::new();
    for request in ledger.requests() {
        if request.accepted && request.entries > 0 {
            *copies.entry(request.wire_hash).or_default() += 1;
        }
    }
    let again: usize = copies.values().map(|count| count - 1).sum();
    assert!(
        again <= ingress.all(),
        "{again} requests came again, for {ingress:?}"
    );
    // What is in each request, and the requests that each event was in.
    let mut contents: HashMap<u64, HashSet<&str>> = HashMap::new();
    let mut requests: HashMap<&str, HashSet<u64>> = HashMap::new();
    for entry in ledger.entries() {
        let id = entry.id.as_deref().unwrap();
        let request = ledger.requests()[entry.request].wire_hash;
        contents.entry(request).or_default().insert(id);
        requests.entry(id).or_default().insert(request);
    }
    let mut halved = HashSet::new();
    for ids in requests.into_values() {
        let mut parts: Vec<_> = ids.into_iter().map(|id| (id, &contents[&id])).collect();
        parts.sort_by_key(|(_, content)| content.len());
        for pair in parts.windows(2) {
            let [(_, part), (whole, all)] = pair else {
                continue;
            };
            assert!(
                part.is_subset(all),
                "a repeat is a request or a part of one"
            );
            halved.insert(*whole);
        }
    }
    let halved = halved.len();
    assert!(
        halved <= ingress.all(),
        "{halved} requests were halved, for {ingress:?}"
    );
    ledger.repeats()
}
