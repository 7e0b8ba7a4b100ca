//! The sink keeps the contract of sinks.

use coralogix_sink::simulator::{CoralogixSimulator, Fault};
use okta_coralogix_core::ErrorKind;
use okta_coralogix_core::testing::conformance::{Answer, SinkUnderTest, sink};

use crate::entries::in_memory;

#[tokio::test(start_paused = true)]
async fn coralogix_sink_keeps_the_contract() {
    let ingress = CoralogixSimulator::new();
    let answer = |answer| {
        ingress.fail_always(None);
        ingress.poison(|_| false);
        match answer {
            Answer::Refuse(ErrorKind::TooLarge) => ingress.fail_always(Some(Fault::status(413))),
            Answer::Refuse(ErrorKind::Rejected) => ingress.fail_always(Some(Fault::status(400))),
            Answer::Refuse(ErrorKind::Unauthorized) => {
                ingress.fail_always(Some(Fault::status(401)));
            }
            Answer::Refuse(_) => ingress.fail_always(Some(Fault::status(503))),
            Answer::RefuseText(part) => ingress.poison(move |text| text.contains(part)),
            Answer::LoseAnswer => ingress.fail_next(1, Fault::ResetAfterAccepting),
            _ => {}
        }
    };
    let arrived = || {
        let ledger = ingress.ledger();
        ledger
            .entries()
            .iter()
            .map(|entry| entry.text.clone())
            .collect()
    };
    let coralogix = in_memory(&ingress);
    sink(&SinkUnderTest::new(&coralogix, &arrived, &answer)).await;
}
