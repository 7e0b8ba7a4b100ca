//! Method, URL, headers and body of a request.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use coralogix_sink::{CoralogixSink, CoralogixSinkBuilder, Endpoint};
use futures::{StreamExt, stream};
use http::{Request, Response};
use okta_coralogix_core::LogSink;
use okta_coralogix_core::transport::{Body, ReqwestTransport, Transport, TransportError};

use crate::entries::events;

/// Records requests and accepts them.
#[derive(Debug, Default)]
struct Recorder(Mutex<Vec<Request<Bytes>>>);

#[async_trait]
impl Transport for Recorder {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        self.0.lock().unwrap().push(request);
        Ok(Response::new(stream::empty().boxed()))
    }
}

async fn sent(builder: CoralogixSinkBuilder) -> Request<Bytes> {
    let recorder = Arc::new(Recorder::default());
    let transport: Arc<dyn Transport> = Arc::clone(&recorder) as _;
    let sink = builder.api_key("hunter2").transport(transport);
    let sink = sink.build().unwrap();
    let batch = sink.compress(sink.encode(&events(0..2)).unwrap());
    sink.send(&batch).await.unwrap();
    let mut requests = recorder.0.lock().unwrap();
    assert_eq!(requests.len(), 1);
    requests.pop().unwrap()
}

#[tokio::test]
async fn request_is_as_coralogix_documents_it() {
    let request = sent(CoralogixSink::builder().domain("ap3")).await;
    assert_eq!(request.method(), "POST");
    let url = "https://ingress.ap3.coralogix.com/logs/v1/singles";
    assert_eq!(request.uri(), url);
    let headers = request.headers();
    assert_eq!(headers["authorization"], "Bearer hunter2");
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["content-encoding"], "gzip");
    let agent = headers["user-agent"].to_str().unwrap();
    assert!(agent.starts_with("coralogix-sink/0."), "{agent}");
    assert!(headers["authorization"].is_sensitive());
    assert!(!format!("{request:?}").contains("hunter2"));
}

#[tokio::test]
async fn uncompressed_request_has_no_gzip_header() {
    let builder = CoralogixSink::builder().domain("EU1").gzip_level(0);
    let request = sent(builder).await;
    assert!(!request.headers().contains_key("content-encoding"));
    assert!(
        request
            .body()
            .starts_with(b"[{\"applicationName\":\"okta\",")
    );
}

#[test]
fn public_types_can_be_shared_between_threads() {
    fn shared<T: Debug + Send + Sync + 'static>() {}
    shared::<CoralogixSink>();
    shared::<CoralogixSinkBuilder>();
    shared::<Endpoint>();
    shared::<ReqwestTransport>();
    shared::<Box<dyn LogSink>>();
}
