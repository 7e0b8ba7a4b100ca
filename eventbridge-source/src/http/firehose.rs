//! The delivery of Firehose to an HTTP endpoint, as its documentation "HTTP endpoint delivery request and response specifications" has it:
//! a request id that the response repeats, in JSON, and an access key in a header of its own.

use axum::body::{Body, to_bytes};
use axum::response::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use okta_coralogix_core::{Clock, SystemClock};
use serde_json::json;

/// The header of the access key.
pub(super) const ACCESS_KEY: &str = "x-amz-firehose-access-key";

const REQUEST_ID: &str = "x-amz-firehose-request-id";

/// Longer than any text that a response has.
const MAX_TEXT_BYTES: usize = 64 * 1024;

/// The id of a request of Firehose; `None` if it is of another sender.
pub(super) fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    Some(id.to_owned())
}

/// The response with its text in the form that Firehose takes: another one is a failure for it, whatever its status.
pub(super) async fn response(request_id: &str, response: Response) -> Response {
    let (mut head, body) = response.into_parts();
    let text = to_bytes(body, MAX_TEXT_BYTES).await.unwrap_or_default();
    let mut reply = json!({
        "requestId": request_id,
        "timestamp": SystemClock.now().timestamp_millis(),
    });
    if head.status != StatusCode::OK {
        reply["errorMessage"] = String::from_utf8_lossy(&text).trim().into();
    }
    head.headers.remove(CONTENT_LENGTH);
    let json = HeaderValue::from_static("application/json");
    head.headers.insert(CONTENT_TYPE, json);
    Response::from_parts(head, Body::from(reply.to_string()))
}
