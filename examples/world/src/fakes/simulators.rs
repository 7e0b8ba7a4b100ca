//! The simulators of the library crates: an Okta org, a Coralogix ingress and an SQS queue.

use std::sync::Arc;

use coralogix_sink::simulator::CoralogixSimulator;
use eventbridge_source::sqs::simulator::SqsSimulator;
use okta_source::simulator::OktaSimulator;

use crate::fakes::clock::Clocks;
use crate::fakes::credentials::{api_token, ingress_key};
use crate::plan::QueueKind;

#[derive(Debug)]
pub(crate) struct Simulators {
    pub(crate) org: OktaSimulator,
    pub(crate) ingress: CoralogixSimulator,
    pub(crate) queue: SqsSimulator,
}

impl Simulators {
    pub(crate) fn new(clocks: &Clocks, queue: QueueKind) -> Self {
        Self {
            org: org(clocks),
            ingress: ingress(clocks),
            queue: self::queue(queue),
        }
    }
}

fn org(clocks: &Clocks) -> OktaSimulator {
    let org = OktaSimulator::builder()
        .token(api_token(0))
        .clock(Arc::clone(&clocks.remote))
        .rate_limit(10_000);
    let org = (1..8).fold(org, |org, version| org.another_token(api_token(version)));
    org.build()
}

fn ingress(clocks: &Clocks) -> CoralogixSimulator {
    let ingress = CoralogixSimulator::builder()
        .key(ingress_key(0))
        .clock(Arc::clone(&clocks.remote))
        // The oracle knows entries by their whole text.
        .identity(|_| None)
        .build();
    ingress.poison(|text| text.contains(r#""more":"poison""#));
    ingress
}

fn queue(kind: QueueKind) -> SqsSimulator {
    let queue = SqsSimulator::builder();
    let queue = match kind.max_receives {
        Some(max) => queue.max_receive_count(max),
        None => queue,
    };
    match kind.fifo {
        true => queue.fifo().build(),
        false => queue.build(),
    }
}
