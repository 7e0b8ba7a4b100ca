//! The sink keeps the contract of sinks.

use coralogix_sink::simulator::{CoralogixSimulator, Fault};
use okta_coralogix_core::testing::conformance::{Refusal, SinkUnderTest, sink};

use crate::entries::in_memory;

#[tokio::test(start_paused = true)]
async fn the_sink_keeps_the_contract() {
    let ingress = CoralogixSimulator::new();
    let answer = |refusal| {
        ingress.fail_always(match refusal {
            Refusal::None => None,
            Refusal::TooLarge => Some(Fault::status(413)),
            Refusal::Rejected => Some(Fault::status(400)),
            Refusal::Unauthorized => Some(Fault::status(401)),
            Refusal::Unavailable => Some(Fault::status(503)),
        });
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
