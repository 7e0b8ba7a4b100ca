//! The delivery of Firehose to an HTTP endpoint, as its documentation "HTTP endpoint delivery request and response specifications" has it:
//! a request id that the response repeats, in JSON, and an access key in a header of its own.

use okta_coralogix_core::{Clock, SystemClock};
use serde_json::json;

/// The header of the access key.
pub(crate) const ACCESS_KEY: &str = "x-amz-firehose-access-key";

/// The header of the request id: Firehose alone sends it.
pub(crate) const REQUEST_ID: &str = "x-amz-firehose-request-id";

/// The text of a response in the form that Firehose takes: another one is a failure for it, whatever its status. `error`: why the
/// status is not 200.
pub(crate) fn reply(request_id: &str, error: Option<&str>) -> String {
    let mut reply = json!({
        "requestId": request_id,
        "timestamp": SystemClock.now().timestamp_millis(),
    });
    if let Some(error) = error {
        reply["errorMessage"] = error.trim().into();
    }
    reply.to_string()
}
