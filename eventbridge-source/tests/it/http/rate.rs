//! Three hundred requests a second, one event each.

use std::time::Duration;

use coralogix_sink::simulator::Fault;

use super::harness::{Harness, envelope};

#[tokio::test(start_paused = true)]
async fn two_thousand_events_at_300_a_second_become_a_few_requests() {
    let harness = Harness::new();
    // The round trip of a distant ingress.
    let latency = Duration::from_millis(80);
    harness.ingress.fail_always(Some(Fault::Slow(latency)));
    let events = harness.events(2000);
    let report = harness
        .destination()
        .build()
        .invoke_all(events.iter().map(envelope))
        .await;
    assert_eq!((report.invoked.len(), report.retries()), (2000, 0));
    harness.assert_all_once(&events);
    let requests = harness.ingress.ledger().requests().len();
    let (middle, late) = (report.answered_within(0.5), report.answered_within(0.99));
    println!(
        "2,000 events at 300/s, ingress {latency:?} away (simulated time): answered in {middle:?} (p50), {late:?} (p99); {} Coralogix requests per 1,000 events",
        requests / 2
    );
    assert!(requests <= 200, "{requests} requests");
    assert!(late <= Duration::from_millis(300), "{late:?}");
    assert_eq!(harness.end().await.delivered, 2000);
}
