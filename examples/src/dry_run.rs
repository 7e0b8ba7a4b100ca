//! Entries to stdout instead of to Coralogix.

use std::io::Write;

use async_trait::async_trait;
use bytes::Bytes;
use coralogix_sink::CoralogixSink;
use futures::{StreamExt, stream};
use http::{Request, Response};
use okta_coralogix_core::transport::{Body, Transport, TransportError};
use okta_coralogix_core::{Error, ErrorKind, Result};
use serde_json::value::RawValue;

/// A Coralogix sink that writes each entry as one line of stdout, just as it would have stood in a request.
///
/// # Errors
/// None that a user can cause.
pub fn sink() -> Result<CoralogixSink> {
    CoralogixSink::builder()
        .endpoint("http://127.0.0.1")
        .api_key("dry-run")
        .gzip_level(0)
        .transport(std::sync::Arc::new(Stdout))
        .build()
}

#[derive(Debug)]
struct Stdout;

#[async_trait]
impl Transport for Stdout {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        match print(request.body()) {
            Ok(()) => Ok(answer(200, "")),
            // 401 is what ends a run at once and settles nothing.
            Err(error) => Ok(answer(401, error.detail())),
        }
    }
}

fn answer(status: u16, text: &str) -> Response<Body> {
    let chunk = Bytes::copy_from_slice(text.as_bytes());
    let mut response = Response::new(stream::iter([Ok(chunk)]).boxed());
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    response
}

fn print(body: &[u8]) -> Result<()> {
    let failed = |error: std::io::Error| Error::new(ErrorKind::Storage, format!("stdout: {error}"));
    let entries: Vec<&RawValue> = serde_json::from_slice(body)
        .map_err(|error| Error::new(ErrorKind::UnexpectedAnswer, error.to_string()))?;
    let mut stdout = std::io::stdout().lock();
    for entry in entries {
        writeln!(stdout, "{}", entry.get()).map_err(failed)?;
    }
    stdout.flush().map_err(failed)
}
