//! Requests of the AWS SDK over a transport: what goes out, and what is made of each answer.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use eventbridge_source::sqs::simulator::Queue;
use eventbridge_source::sqs::{AwsQueue, http_client};
use okta_coralogix_core::ErrorKind;
use okta_coralogix_core::transport::ReqwestTransport;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::time::sleep;

use super::harness::secs;

const SECRET_KEY: &str = "secret-of-aws";
const QUEUE: &str = "https://sqs.eu-central-1.amazonaws.com/000000000000/okta";

type Requests = Arc<Mutex<Vec<(SocketAddr, Parts, Bytes)>>>;

/// A queue at a server that gives each request the answer of `answer`, and the requests that it got.
async fn queue<F>(answer: impl Fn() -> F + Clone + Send + Sync + 'static) -> (AwsQueue, Requests)
where
    F: Future<Output = Response> + Send + 'static,
{
    let requests = Requests::default();
    let seen = Arc::clone(&requests);
    let serve = async move |ConnectInfo(peer): ConnectInfo<SocketAddr>, request: Request| {
        let (head, body) = request.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        seen.lock().unwrap().push((peer, head, body));
        answer().await
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(serve);
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("key", SECRET_KEY, None, None, "test"))
        .endpoint_url(endpoint)
        .http_client(http_client(ReqwestTransport::new()))
        .retry_config(RetryConfig::disabled())
        .build();
    (AwsQueue::new(Client::from_conf(config), QUEUE), requests)
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let inner = Sha256::digest([&block.map(|byte| byte ^ 0x36)[..], text.as_bytes()].concat());
    Sha256::digest([&block.map(|byte| byte ^ 0x5c)[..], &inner[..]].concat()).to_vec()
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    let bytes = bytes.as_ref().iter();
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

/// The signature that AWS computes of a request to `/` by what has arrived, and the one that it has.
fn signatures(head: &Parts, body: &[u8]) -> (String, String) {
    let text = |name: &str| {
        let mut values = head.headers.get_all(name).iter();
        let value = values.next().expect("a signed header is there");
        assert!(values.next().is_none(), "{name} is there twice");
        value.to_str().unwrap().to_owned()
    };
    let authorization = text("authorization");
    let part = |name: &str| {
        let (_, rest) = authorization.split_once(name).unwrap();
        rest.split(',').next().unwrap().to_owned()
    };
    let names = part("SignedHeaders=");
    let signed = names
        .split(';')
        .map(|name| format!("{name}:{}\n", text(name)));
    let signed: String = signed.collect();
    let digest = hex(Sha256::digest(body));
    let request = format!(
        "{}\n{}\n\n{signed}\n{names}\n{digest}",
        head.method,
        head.uri.path()
    );
    let scope = part("Credential=key/");
    let text = format!(
        "AWS4-HMAC-SHA256\n{}\n{scope}\n{}",
        text("x-amz-date"),
        hex(Sha256::digest(request))
    );
    let key = format!("AWS4{SECRET_KEY}").into_bytes();
    let key = scope.split('/').fold(key, |key, part| hmac(&key, part));
    (hex(hmac(&key, &text)), part("Signature="))
}

#[tokio::test]
async fn requests_arrive_as_they_were_signed_on_one_connection() {
    let answer = || async { r#"{"Successful":[{"Id":"0"}],"Failed":[]}"#.into_response() };
    let (queue, requests) = queue(answer).await;
    for n in 0..3 {
        queue.delete(&[format!("handle-{n}")]).await.unwrap();
    }
    let requests = requests.lock().unwrap();
    assert_eq!(requests.len(), 3);
    for (n, (peer, head, body)) in requests.iter().enumerate() {
        let (expected, signature) = signatures(head, body);
        assert_eq!(signature, expected, "{head:?}");
        assert!(String::from_utf8_lossy(body).contains(&format!("handle-{n}")));
        assert_eq!(*peer, requests[0].0, "a connection is used again");
    }
}

#[tokio::test]
async fn request_is_sent_once_and_no_redirect_is_followed() {
    for status in [302, 307, 500, 503] {
        let status = StatusCode::from_u16(status).unwrap();
        let answer = move || async move { (status, [(header::LOCATION, "/")]).into_response() };
        let (queue, requests) = queue(answer).await;
        queue.depth().await.unwrap_err();
        assert_eq!(requests.lock().unwrap().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn web_filter_that_answers_in_the_place_of_sqs_refuses_nothing() {
    for (status, part) in [
        (
            401,
            "answered sqs:GetQueueAttributes with HTTP 401 and no error code",
        ),
        (
            403,
            "answered sqs:GetQueueAttributes with HTTP 403 and no error code",
        ),
        (
            407,
            "wants a user name and a password, or refuses those that it got (407)",
        ),
        (
            511,
            "answered sqs:GetQueueAttributes with HTTP 511 and no error code",
        ),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        let page = || [(header::CONTENT_TYPE, "text/html")];
        let answer =
            move || async move { (status, page(), "<html>blocked</html>").into_response() };
        let (queue, requests) = queue(answer).await;
        let error = queue.depth().await.unwrap_err();
        let told = (error.kind(), error.is_temporary());
        assert_eq!(told, (ErrorKind::Intercepted, true), "{error}");
        assert!(error.to_string().contains(part), "{error}");
        assert_eq!(requests.lock().unwrap().len(), 1, "{status}");
    }
}

/// It begins once the request has arrived, so that the time passes by itself.
#[tokio::test]
async fn long_poll_is_not_cut_and_silence_is() {
    let long_poll = || async {
        tokio::time::pause();
        sleep(secs(25)).await;
        "{}".into_response()
    };
    let (patient, _) = queue(long_poll).await;
    let received = patient.receive(secs(20), secs(30)).await.unwrap();
    assert!(received.messages.is_empty());
    tokio::time::resume();

    let silence = || async {
        tokio::time::pause();
        std::future::pending().await
    };
    let (silent, _) = queue(silence).await;
    let error = silent.receive(secs(20), secs(30)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    assert!(
        error.to_string().contains("no answer within 60 s"),
        "{error}"
    );
}
