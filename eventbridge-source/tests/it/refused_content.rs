//! An ingress that fails at the content of one event, as a web filter or a broken backend does.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use coralogix_sink::CoralogixSink;
use coralogix_sink::simulator::{CoralogixSimulator, Fault, okta_uuid};
use okta_coralogix_core::dead_letter::{DeadLetter, DeadLetterReason};
use serde_json::Value;

/// What anybody can write who reaches the login page.
const ATTACK: &str = "../../../../etc/passwd";

/// Each way in which a request may fail that holds such an event.
pub(crate) fn faults() -> [Fault; 6] {
    [
        Fault::html(403),
        Fault::status(406),
        Fault::status(409),
        Fault::status(500),
        Fault::ResetBeforeReading,
        Fault::Silence,
    ]
}

/// True if the sink may have stored what a request held that failed so.
pub(crate) fn is_ambiguous(fault: &Fault) -> bool {
    let refusals = [Fault::html(403), Fault::status(406), Fault::status(409)];
    !refusals.contains(fault)
}

/// An ingress that fails so at each request with a guilty event.
pub(crate) fn ingress(fault: &Fault) -> CoralogixSimulator {
    let ingress = CoralogixSimulator::builder().key("k").identity(okta_uuid);
    let ingress = ingress.build();
    fail_at_guilty(&ingress, fault);
    ingress
}

/// Other requests take a moment, as they do everywhere.
pub(crate) fn fail_at_guilty(ingress: &CoralogixSimulator, fault: &Fault) {
    ingress.fail_always(Some(Fault::Slow(Duration::from_millis(20))));
    ingress.fail_at(|text| text.contains(ATTACK), fault.clone());
}

pub(crate) fn sink(ingress: &CoralogixSimulator) -> CoralogixSink {
    let builder = CoralogixSink::builder()
        .endpoint("http://127.0.0.1")
        .api_key("k");
    builder
        .transport(Arc::new(ingress.clone()))
        .build()
        .unwrap()
}

/// An event with such a user agent.
pub(crate) fn guilty(event: &Bytes) -> Bytes {
    let mut event: Value = serde_json::from_slice(event).unwrap();
    event["client"]["userAgent"]["rawUserAgent"] = ATTACK.into();
    serde_json::to_vec(&event).unwrap().into()
}

/// The letters are of this event alone, with its bytes.
pub(crate) fn assert_blocked(letters: &[DeadLetter], event: &Bytes, fault: &Fault) {
    assert_eq!(letters.len(), 1, "{fault:?}: {letters:?}");
    let letter = &letters[0];
    assert_eq!(letter.reason, DeadLetterReason::Blocked, "{fault:?}");
    assert_eq!(letter.bytes, event, "{fault:?}");
    assert_eq!(letter.may_have_arrived, is_ambiguous(fault), "{fault:?}");
}
