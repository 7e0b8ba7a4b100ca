//! The source over a real socket, with reqwest.

use std::sync::Arc;
use std::time::Duration;

use okta_coralogix_core::checkpoint::CheckpointStore;
use okta_coralogix_core::transport::ReqwestTransport;
use okta_coralogix_core::{ErrorKind, EventSource, SystemClock};
use okta_source::OktaSource;
use okta_source::simulator::{Fault, OktaServer, OktaSimulator};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::harness::{MemoryStore, TOKEN, event, failed, given, numbers, settle};

struct Served {
    org: OktaSimulator,
    served: OktaServer,
    store: Arc<MemoryStore>,
}

async fn served() -> Served {
    let org = OktaSimulator::builder()
        .token(TOKEN)
        .rate_limit(1_000)
        .build();
    let now = org.now();
    org.append_all((0..2_300).map(|number| event(number, now)));
    let served = org.serve().await.unwrap();
    Served {
        org,
        served,
        store: Arc::default(),
    }
}

impl Served {
    async fn open(&self) -> OktaSource {
        at(&self.served.base_url(), &self.store).await
    }
}

async fn at(url: &str, store: &Arc<MemoryStore>) -> OktaSource {
    OktaSource::builder()
        .org_url(url)
        .api_token(TOKEN)
        .checkpoint(Arc::clone(store) as Arc<dyn CheckpointStore>)
        .clock(Arc::new(SystemClock))
        .transport(Arc::new(ReqwestTransport::new()))
        .once(true)
        .poll_interval(Duration::from_secs(1))
        .open()
        .await
        .unwrap()
}

#[tokio::test]
async fn backlog_is_read_over_a_socket() {
    let served = served().await;
    let mut source = served.open().await;
    let mut all = Vec::new();
    while let Some(delivery) = source.next().await.unwrap() {
        assert_eq!(
            delivery.items[0].as_ref().unwrap().origin().org,
            "127.0.0.1"
        );
        assert!(!delivery.clock_offset.is_significant());
        all.extend(numbers(&delivery));
        settle(delivery).await.unwrap();
    }
    assert_eq!(all, (0..2_300).collect::<Vec<_>>());
    assert_eq!(served.org.request_count(), 3);
    assert!(
        served
            .store
            .cursor()
            .unwrap()
            .starts_with("/api/v1/logs?after=")
    );
}

#[tokio::test]
async fn truncated_body_and_lost_connection_are_retried_over_a_socket() {
    let served = served().await;
    let mut source = served.open().await;
    for fault in [Fault::HalfBody, Fault::Unreachable] {
        served.org.script(fault);
        let error = failed(&mut source).await;
        assert_eq!(error.kind(), ErrorKind::Network);
        assert!(error.is_temporary());
        assert!(
            !error.to_string().contains("since="),
            "no URL in an error: {error}"
        );
    }
    assert_eq!(given(&mut source).await.items.len(), 1_000);
}

#[tokio::test]
async fn api_token_is_never_sent_to_another_port() {
    let trap = OktaSimulator::builder().token(TOKEN).build();
    let trap_served = trap.serve().await.unwrap();
    let served = served().await;
    served.org.script(Fault::Redirect(format!(
        "{}/api/v1/logs",
        trap_served.base_url()
    )));
    let error = failed(&mut served.open().await).await;
    assert_eq!(error.kind(), ErrorKind::Intercepted);
    served.org.script(Fault::NextLink(format!(
        "{}/api/v1/logs",
        trap_served.base_url()
    )));
    let error = failed(&mut served.open().await).await;
    assert_eq!(error.kind(), ErrorKind::HostileLink);
    assert_eq!(trap.request_count(), 0, "another port is another place");
}

#[tokio::test]
async fn refused_connection_is_a_temporary_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut source = at(&format!("http://{address}"), &Arc::default()).await;
    let error = failed(&mut source).await;
    assert_eq!(error.kind(), ErrorKind::Network);
    assert!(error.to_string().contains("cannot be reached"), "{error}");
}

#[tokio::test]
async fn wrong_api_token_is_reported_as_unauthorized() {
    let served = served().await;
    let error = OktaSource::builder()
        .org_url(served.served.base_url())
        .api_token("00wrong")
        .check()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(error.to_string().contains("E0000011"), "{error}");
}

#[tokio::test]
async fn hostile_bodies_over_a_socket_are_temporary_errors() {
    let served = served().await;
    let builder = OktaSource::builder()
        .org_url(served.served.base_url())
        .api_token(TOKEN)
        .max_body_bytes(1 << 20)
        .checkpoint(Arc::clone(&served.store) as Arc<dyn CheckpointStore>);
    let mut source = builder.open().await.unwrap();
    for fault in [
        Fault::EndlessArray,
        Fault::TruncatedGzip,
        Fault::WrongCharset,
    ] {
        served.org.script(fault.clone());
        let error = failed(&mut source).await;
        assert_eq!(
            error.kind(),
            ErrorKind::UnexpectedResponse,
            "{fault:?}: {error}"
        );
        assert!(error.is_temporary(), "{fault:?}");
    }
    assert_eq!(
        given(&mut source).await.items.len(),
        500,
        "after one that was too long"
    );
    assert_eq!(given(&mut source).await.items.len(), 1_000);
}

#[tokio::test]
async fn connection_that_answers_503_for_ever_is_replaced_after_two() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for connection in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let status = if connection == 0 { 503 } else { 200 };
                let link = format!("link: <http://{address}/api/v1/logs?after=1>; rel=\"next\"");
                let head = "content-type: application/json\r\ncontent-length: 2";
                let answer = format!("HTTP/1.1 {status} x\r\n{link}\r\n{head}\r\n\r\n[]");
                // Each request arrives in one read, since it is short and has no body.
                while stream.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            });
        }
    });
    let mut source = at(&format!("http://{address}"), &Arc::default()).await;
    for _ in 0..2 {
        assert_eq!(failed(&mut source).await.kind(), ErrorKind::Unavailable);
    }
    assert_eq!(given(&mut source).await.items.len(), 0, "an empty page");
}
