//! Responses to Firehose, which takes them in a form of its own.

use axum::body::{Body, to_bytes};
use axum::response::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::receiver::firehose;

/// Longer than any text that a response has.
const MAX_TEXT_BYTES: usize = 64 * 1024;

/// The id of a request of Firehose; `None` if it is of another sender.
pub(super) fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(firehose::REQUEST_ID)?.to_str().ok()?;
    Some(id.to_owned())
}

/// The response with its text in the form that Firehose takes.
pub(super) async fn response(request_id: &str, response: Response) -> Response {
    let (mut head, body) = response.into_parts();
    let text = to_bytes(body, MAX_TEXT_BYTES).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let error = (head.status != StatusCode::OK).then_some(&*text);
    head.headers.remove(CONTENT_LENGTH);
    let json = HeaderValue::from_static("application/json");
    head.headers.insert(CONTENT_TYPE, json);
    Response::from_parts(head, Body::from(firehose::reply(request_id, error)))
}
