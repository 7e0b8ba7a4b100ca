//! An HTTP server before SQS, which answers some calls itself and passes the others on.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A call as its headers show it.
pub(crate) struct SqsCall<'a>(&'a HeaderMap);

/// An error response of SQS.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SqsError {
    pub(crate) status: u16,
    /// With its name space.
    pub(crate) shape: &'static str,
    /// The code of the older protocol, in the header from which the SDKs take it first.
    pub(crate) query_code: Option<&'static str>,
    pub(crate) message: &'static str,
}

pub(crate) struct SqsFront {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl SqsFront {
    /// `server`: its URL. `answer`: the error for a call that is not passed on.
    pub(crate) async fn before<F>(server: &str, answer: F) -> Self
    where
        F: Fn(SqsCall<'_>) -> Option<SqsError> + Clone + Send + Sync + 'static,
    {
        let server = server.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(async move |request: Request| {
            match answer(SqsCall(request.headers())) {
                Some(error) => error.into_response(),
                None => pass_on(&server, request).await,
            }
        });
        let task = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
        Self { address, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for SqsFront {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl SqsCall<'_> {
    /// `ReceiveMessage`, for instance.
    pub(crate) fn operation(&self) -> &str {
        let target = self.header("x-amz-target");
        target.strip_prefix("AmazonSQS.").unwrap_or(target)
    }

    pub(crate) fn session_token(&self) -> &str {
        self.header("x-amz-security-token")
    }

    fn header(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl IntoResponse for SqsError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap();
        let content = [(header::CONTENT_TYPE, "application/x-amz-json-1.0")];
        let body = json!({"__type": self.shape, "message": self.message}).to_string();
        match self.query_code {
            Some(code) => {
                let query_error = [("x-amzn-query-error", format!("{code};Sender"))];
                (status, content, query_error, body).into_response()
            }
            None => (status, content, body).into_response(),
        }
    }
}

async fn pass_on(server: &str, request: Request) -> Response {
    let stream = TcpStream::connect(server).await.unwrap();
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let response = sender.send_request(request).await.unwrap();
    response.map(Body::new)
}
