//! Faults on a real socket.

use coralogix_sink::simulator::{CoralogixSimulator, Fault};
use okta_coralogix_core::{ErrorKind, LogSink};

use crate::entries::{events, over_socket};

#[tokio::test]
async fn full_request_arrives_over_a_socket() {
    let ingress = CoralogixSimulator::new();
    let server = ingress.serve().await.unwrap();
    let sink = over_socket(server.base_url(), &ingress);
    let entries = events(0..3_500);
    let batch = sink.encode(&entries).unwrap();
    assert_eq!(batch.entries, 3_000);
    sink.send(&batch).await.unwrap();
    let rest = sink.encode(&entries[batch.entries..]).unwrap();
    sink.send(&rest).await.unwrap();
    let ledger = ingress.ledger();
    assert_eq!((ledger.entries().len(), ledger.repeats()), (3_500, 0));
    assert_eq!(ledger.requests()[0].plain_bytes, batch.uncompressed_len);
    assert_eq!(ledger.requests()[0].wire_bytes, batch.body.len());
}

#[tokio::test]
async fn connection_lost_after_the_body_was_sent_is_ambiguous() {
    let ingress = CoralogixSimulator::new();
    let server = ingress.serve().await.unwrap();
    let sink = over_socket(server.base_url(), &ingress);
    let batch = sink.encode(&events(0..10)).unwrap();
    for (fault, taken) in [
        (Fault::ResetBeforeReading, 0),
        (Fault::ResetAfterAccepting, 10),
        (Fault::HalfAnswer, 20),
    ] {
        ingress.fail_next(1, fault.clone());
        let error = sink.send(&batch).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Network, "{fault:?}");
        assert!(error.is_temporary() && error.is_ambiguous(), "{fault:?}");
        assert_eq!(ingress.arrivals(), taken, "{fault:?}");
    }
    sink.send(&batch).await.unwrap();
    assert_eq!(ingress.ledger().repeats(), 20);
}

#[tokio::test]
async fn stopped_server_refuses_connections_until_it_starts_again() {
    let ingress = CoralogixSimulator::new();
    let mut server = ingress.serve().await.unwrap();
    let url = server.base_url();
    let sink = over_socket(url.clone(), &ingress);
    let batch = sink.encode(&events(0..1)).unwrap();
    sink.send(&batch).await.unwrap();
    server.stop().await;
    let fresh = over_socket(url.clone(), &ingress);
    let error = fresh.send(&batch).await.unwrap_err();
    assert!(error.is_temporary() && !error.is_ambiguous(), "{error:?}");
    server.start().await.unwrap();
    assert_eq!(server.base_url(), url);
    fresh.send(&batch).await.unwrap();
    assert_eq!(ingress.arrivals(), 2);
}

#[tokio::test]
async fn dropped_server_stops_listening_at_once() {
    let ingress = CoralogixSimulator::new();
    let mut server = ingress.serve().await.unwrap();
    let address = server.address();
    server.stop().await;
    drop(server);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
