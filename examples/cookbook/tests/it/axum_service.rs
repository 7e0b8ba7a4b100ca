use std::sync::Arc;
use std::time::Duration;

use coralogix_sink::CoralogixSink;
use coralogix_sink::simulator::CoralogixSimulator;
use okta_coralogix_cookbook::axum_service::run;
use okta_coralogix_core::testing::{EventGenerator, MemoryCheckpoint, MemoryDeadLetters};
use okta_coralogix_core::{Pipeline, Result};
use okta_source::OktaSource;
use okta_source::simulator::OktaSimulator;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

async fn get(address: std::net::SocketAddr, path: &str) -> String {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.0\r\nhost: x\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn service_delivers_and_tells_how_it_is() -> Result<()> {
    let (org, ingress) = (
        OktaSimulator::builder().token("00a").build(),
        CoralogixSimulator::new(),
    );
    let events = super::events(1_500);
    org.append_all(super::json(&events));
    let source = OktaSource::builder()
        .org_url("acme.okta.com")
        .api_token("00a")
        .checkpoint(MemoryCheckpoint::default())
        .since(Duration::from_secs(7_200))
        .poll_interval(Duration::from_secs(1))
        .transport(org.clone())
        .open()
        .await?;
    let sink = CoralogixSink::builder()
        .domain("EU1")
        .api_key(ingress.key())
        .transport(Arc::new(ingress.clone()))
        .build()?;
    let pipeline = Pipeline::builder(source, sink)
        .mapping(super::plain_mapping())
        .dead_letters(MemoryDeadLetters::default())
        .build()?;
    let handle = pipeline.handle();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let service = tokio::spawn(run(pipeline, listener, async { drop(stopped.await) }));
    until(|| handle.status().summary.delivered == 1_500).await;
    assert!(get(address, "/livez").await.starts_with("HTTP/1.0 200"));
    assert!(get(address, "/readyz").await.starts_with("HTTP/1.0 200"));
    let metrics = get(address, "/metrics").await;
    assert!(
        metrics.contains("okta_events_total{end=\"delivered\"} 1500\n"),
        "{metrics}"
    );
    assert!(metrics.contains("okta_events_pending 0\n"), "{metrics}");

    ingress.set_down(true);
    org.append(EventGenerator::new(8).event(super::now()).json);
    until(|| !handle.status().faults.is_empty()).await;
    let ready = get(address, "/readyz").await;
    assert!(
        ready.starts_with("HTTP/1.0 503") && ready.contains("sink: no connection"),
        "{ready}"
    );
    ingress.set_down(false);
    handle.retry_now();
    stop.send(()).unwrap();
    let summary = service.await.unwrap()?;
    assert!(summary.is_balanced() && summary.delivered >= 1_500);
    Ok(())
}

/// Waits until the service has got there. The sockets are real, and so is the time.
async fn until(is_there: impl Fn() -> bool) {
    let looks = async {
        while !is_there() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(60), looks)
        .await
        .expect("it never gets there");
}
