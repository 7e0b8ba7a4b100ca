//! `check` reports errors and sends no entry.

use coralogix_sink::simulator::{CoralogixSimulator, Fault};
use okta_coralogix_core::ErrorKind;

use crate::entries::in_memory;

#[tokio::test(start_paused = true)]
async fn sink_check_sends_no_entry_and_passes_on_refused_content() {
    let ingress = CoralogixSimulator::new();
    let sink = in_memory(&ingress);
    sink.check().await.unwrap();
    ingress.fail_next(1, Fault::status(200));
    sink.check().await.unwrap();
    assert_eq!(ingress.arrivals(), 0);
    assert_eq!(ingress.ledger().requests().len(), 2);
    assert_eq!(ingress.ledger().empty_requests(), 2);
    assert_eq!(ingress.ledger().bad_shape(), 0);
}

#[tokio::test(start_paused = true)]
async fn sink_check_distinguishes_key_endpoint_and_network_errors() {
    let ingress = CoralogixSimulator::new();
    let sink = in_memory(&ingress);
    let cases = [
        (Fault::status(401), ErrorKind::Unauthorized),
        (Fault::status(403), ErrorKind::Forbidden),
        (Fault::status(404), ErrorKind::WrongEndpoint),
        (Fault::html(200), ErrorKind::Intercepted),
        (Fault::html(400), ErrorKind::Intercepted),
        (Fault::html(401), ErrorKind::Intercepted),
        (
            Fault::Redirect("https://evil.example".into()),
            ErrorKind::Intercepted,
        ),
        (Fault::status(503), ErrorKind::Unavailable),
        (Fault::ResetBeforeReading, ErrorKind::Network),
    ];
    for (fault, kind) in cases {
        ingress.fail_next(1, fault.clone());
        assert_eq!(sink.check().await.unwrap_err().kind(), kind, "{fault:?}");
    }
}
