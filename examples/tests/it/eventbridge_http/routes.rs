//! The pull and the push route compared.

use std::sync::Arc;

use coralogix_sink::CoralogixSink;
use coralogix_sink::simulator::{Arrival, CoralogixSimulator};
use eventbridge_source::http::HttpSource;
use eventbridge_source::simulator::{ApiDestination, Authorization};
use okta_coralogix_core::testing::{GeneratedEvent, MemoryCheckpoint};
use okta_coralogix_core::{CoralogixMapping, Pipeline};
use okta_source::OktaSource;
use okta_source::simulator::OktaSimulator;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::harness::envelope;
use crate::harness::fresh;

fn sink(ingress: &CoralogixSimulator) -> CoralogixSink {
    let builder = CoralogixSink::builder()
        .endpoint("http://127.0.0.1")
        .api_key("k");
    builder
        .transport(Arc::new(ingress.clone()))
        .build()
        .unwrap()
}

fn mapping() -> CoralogixMapping {
    let builder = CoralogixMapping::builder().subsystem("account");
    builder.bare_event(true).build().unwrap()
}

async fn pulled(events: &[GeneratedEvent]) -> CoralogixSimulator {
    let org = OktaSimulator::builder().token("00t").build();
    org.append_all(events.iter().map(|event| event.json.clone()));
    let ingress = CoralogixSimulator::builder().key("k").build();
    let source = OktaSource::builder()
        .org_url("https://acme.okta.com")
        .api_token("00t")
        .once(true)
        .checkpoint(Arc::new(MemoryCheckpoint::default()))
        .transport(Arc::new(org))
        .open()
        .await
        .unwrap();
    let pipeline = Pipeline::builder(source, sink(&ingress)).mapping(mapping());
    pipeline
        .build()
        .unwrap()
        .run(std::future::pending())
        .await
        .unwrap();
    ingress
}

async fn pushed(events: &[GeneratedEvent]) -> CoralogixSimulator {
    let ingress = CoralogixSimulator::builder().key("k").build();
    let source = HttpSource::builder().api_key("key").build().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/aws/event-bridge", listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(source.serve(listener, async {
        stopped.await.ok();
    }));
    let pipeline = source
        .pipeline(sink(&ingress))
        .mapping(mapping())
        .build()
        .unwrap();
    // It ends with the server, which closes the source.
    let pipeline = tokio::spawn(pipeline.run(std::future::pending()));
    let destination = ApiDestination::builder(endpoint.parse().unwrap())
        .authorization(Authorization::api_key(
            "x-amz-event-bridge-access-key",
            "key",
        ))
        .rate(2000)
        .build();
    let report = destination
        .invoke_all(events.iter().map(|event| envelope(&event.json)))
        .await;
    assert_eq!(report.invoked.len(), events.len());
    stop.send(()).unwrap();
    server.await.unwrap();
    assert_eq!(
        pipeline.await.unwrap().unwrap().delivered,
        events.len() as u64
    );
    ingress
}

/// The entries in the order of their IDs, without the number of their request.
fn entries(ingress: &CoralogixSimulator) -> Vec<Arrival> {
    let ledger = ingress.ledger();
    let mut entries: Vec<Arrival> = ledger
        .entries()
        .iter()
        .map(|entry| Arrival::clone(entry))
        .collect();
    for entry in &mut entries {
        entry.request = 0;
    }
    entries.sort_by(|a, b| a.id.cmp(&b.id));
    entries
}

#[tokio::test]
async fn entries_of_both_routes_are_equal() {
    let events = fresh(300);
    let (pulled, pushed) = (pulled(&events).await, pushed(&events).await);
    let (pulled, pushed) = (entries(&pulled), entries(&pushed));
    assert_eq!(pulled.len(), 300);
    assert_eq!(pulled[0].computer.as_deref(), Some("acme"));
    for (pulled, pushed) in pulled.iter().zip(&pushed) {
        assert_eq!(pulled, pushed);
    }
}
