//! The sink keeps the contract of sinks.

use coralogix_sink::simulator::{CoralogixSimulator, Fault};
use okta_coralogix_core::ErrorKind;
use okta_coralogix_core::testing::conformance::{SinkUnderTest, sink};

use crate::entries::in_memory;

#[tokio::test(start_paused = true)]
async fn coralogix_sink_keeps_the_contract() {
    let ingress = CoralogixSimulator::new();
    let answer = |kind: Option<ErrorKind>| {
        ingress.fail_always(kind.map(|kind| match kind {
            ErrorKind::TooLarge => Fault::status(413),
            ErrorKind::Rejected => Fault::status(400),
            ErrorKind::Unauthorized => Fault::status(401),
            _ => Fault::status(503),
        }));
    };
    let arrived = || {
        let ledger = ingress.ledger();
        ledger
            .entries()
            .iter()
            .map(|entry| entry.text.clone())
            .collect()
    };
    sink(&SinkUnderTest {
        sink: &in_memory(&ingress),
        arrived: &arrived,
        answer: &answer,
    })
    .await;
}
