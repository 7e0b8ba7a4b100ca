//! A new connection for every request.

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use http::header::HOST;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use okta_coralogix_core::transport::{Body, Transport, TransportError};
use tokio::net::TcpStream;

/// Plain HTTP/1.1, one request a connection.
#[derive(Debug)]
pub(super) struct NewConnections;

#[async_trait]
impl Transport for NewConnections {
    async fn call(&self, mut request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let refused =
            |reason: &dyn std::fmt::Display| TransportError::Connect(reason.to_string().into());
        let broken = |error: hyper::Error| TransportError::Interrupted(error.to_string().into());
        let authority = request.uri().authority().cloned();
        let authority = authority.ok_or_else(|| refused(&"the endpoint has no host"))?;
        let port = authority.port_u16().unwrap_or(80);
        let stream = TcpStream::connect((authority.host(), port))
            .await
            .map_err(|error| refused(&error))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        let path = request
            .uri()
            .path_and_query()
            .map_or("/", |path| path.as_str());
        *request.uri_mut() = path.parse::<Uri>().map_err(|error| refused(&error))?;
        let host = HeaderValue::from_str(authority.as_str()).map_err(|error| refused(&error))?;
        request.headers_mut().insert(HOST, host);
        // It ends with its one request, which reports the error.
        tokio::spawn(async { drop(connection.await) });
        let response = sender
            .send_request(request.map(Full::new))
            .await
            .map_err(broken)?;
        Ok(response.map(|body| body.into_data_stream().map_err(broken).boxed()))
    }
}
