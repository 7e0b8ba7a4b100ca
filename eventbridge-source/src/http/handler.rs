//! One request with events, from its head to its response.
//!
//! 1. *authenticating*: without a valid credential it is answered 401, before its body is read.
//! 2. *reading*: there is room for its body, or it is answered 503. A body that is too large is read to its end and not kept.
//! 3. *parsed*: the body determines the status to answer once its items are settled: 200, 400, 413 or 415.
//! 4. *waiting* in the queue of the source, then in the pipeline, until every item is settled.
//!
//! The response deadline, which begins with the head, ends each of these with a 503, as does a closed endpoint, a full queue, an item that
//! is handed back, and a delivery that is dropped; EventBridge then sends the event again. Never is a status other than 401 and 503 answered
//! before every item is settled: EventBridge would not send it again.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, StatusCode};
use okta_coralogix_core::Outcome;
use okta_coralogix_core::event::MalformedReason;
use okta_coralogix_core::text::sanitize;
use tokio::time::{Instant, timeout_at};

use super::authenticator::Verdict;
use super::connection::Slot;
use super::encoding::{self, Decoded, Encoding};
use super::firehose;
use super::request_body::{self, MAX_KEPT_BYTES, RequestBody};
use super::service::{HttpService, Item};
use crate::BodyParser;
use crate::body::ParsedBody;

/// How much later than the deadline the outcomes may come, since the pipeline reports them at the deadline.
const GRACE: Duration = Duration::from_millis(500);

const APPLICATION: HeaderName = HeaderName::from_static("cx-application-name");
const SUBSYSTEM: HeaderName = HeaderName::from_static("cx-subsystem-name");

pub(super) async fn receive(State(service): State<Arc<HttpService>>, request: Request) -> Response {
    let began = Instant::now();
    let firehose = firehose::request_id(request.headers());
    let response = respond(&service, request, began).await;
    service.answered(&response, began);
    match firehose {
        Some(id) => firehose::response(&id, response).await,
        None => response,
    }
}

async fn respond(service: &HttpService, request: Request, began: Instant) -> Response {
    let deadline = began + service.settings.response_deadline;
    let request = match authenticate(service, request, deadline).await {
        Ok(request) => request,
        Err(response) => return response,
    };
    let (head, body) = request.into_parts();
    let declared = declared_length(&head.headers);
    let encoding = Encoding::of(&head.headers);
    // A compressed body may become as large as one may be.
    let room = declared.filter(|_| encoding == Encoding::Identity);
    let Some(_room) = service.reserve(room) else {
        discard(body, deadline).await;
        return service.unavailable("too much is in flight\n");
    };
    let max_bytes = service.settings.max_body_bytes;
    let parser = body_parser(service, &head.headers);
    let read = request_body::read(body, declared, max_bytes);
    let parsed = match timeout_at(deadline, read).await {
        Ok(RequestBody::Complete(body)) => parse(&parser, encoding, body, max_bytes),
        Ok(RequestBody::TooLarge { start, length }) => {
            let reason = format!(
                "the body has {length} bytes, at most {max_bytes} are taken; these are its first"
            );
            Parsed::refused(&parser, StatusCode::PAYLOAD_TOO_LARGE, start, reason)
        }
        Ok(RequestBody::Interrupted) | Err(_) => {
            return service.unavailable("the body did not arrive in time\n");
        }
    };
    match settle(service, parsed.items, deadline).await {
        true => (parsed.status, parsed.reason).into_response(),
        false => service.unavailable("not settled: send it again\n"),
    }
}

/// Drains the body of an unauthenticated request, so that the client can read the response. The server's connection, if it is the server's,
/// learns the verdict.
pub(super) async fn authenticate(
    service: &HttpService,
    request: Request,
    deadline: Instant,
) -> Result<Request, Response> {
    let verdict = service
        .settings
        .authenticator
        .authenticate(request.headers());
    let verdict = timeout_at(deadline, verdict).await;
    let slot = request.extensions().get::<Arc<Slot>>();
    match (&verdict, slot) {
        (_, None) => {}
        (Ok(Verdict::Accepted), Some(slot)) => slot.credential_accepted(),
        (_, Some(slot)) => slot.credential_refused(),
    }
    let response = match verdict {
        Ok(Verdict::Accepted) => return Ok(request),
        Ok(Verdict::Rejected) => service.unauthorized(),
        Ok(Verdict::Unknown) | Err(_) => {
            service.unavailable("the credential cannot be checked now\n")
        }
    };
    discard(request.into_body(), deadline).await;
    Err(response)
}

pub(super) async fn discard(body: Body, deadline: Instant) {
    timeout_at(deadline, request_body::discard(body)).await.ok();
}

/// The parser, with the application and subsystem that the request asks for, if the setting allows it.
fn body_parser(service: &HttpService, headers: &HeaderMap) -> BodyParser {
    let mut parser = service.settings.parser.clone();
    if service.settings.names_from_headers {
        let name = |header| std::str::from_utf8(headers.get(header)?.as_bytes()).ok();
        if let Some(name) = name(APPLICATION) {
            parser = parser.application(name);
        }
        if let Some(name) = name(SUBSYSTEM) {
            parser = parser.subsystem(name);
        }
    }
    parser
}

/// The items of a body, and the response once they are settled.
struct Parsed {
    status: StatusCode,
    /// Why it is not 200.
    reason: String,
    items: Vec<Item>,
}

impl Parsed {
    /// A body that is not taken, with the bytes of it that are dead-lettered.
    fn refused(parser: &BodyParser, status: StatusCode, bytes: Bytes, reason: String) -> Self {
        Self {
            status,
            items: vec![parser.malformed(bytes, MalformedReason::Refused(reason.clone()))],
            reason: reason + "\n",
        }
    }
}

fn parse(parser: &BodyParser, encoding: Encoding, body: Bytes, max_bytes: usize) -> Parsed {
    let unsupported = |body, reason: &str| {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        Parsed::refused(parser, status, body, reason.into())
    };
    let body = match encoding {
        Encoding::Identity => body,
        Encoding::Other => {
            return unsupported(
                body,
                "the body has a Content-Encoding; only gzip is taken, or none",
            );
        }
        Encoding::Gzip => match encoding::gunzip(&body, max_bytes) {
            Decoded::Complete(plain) => plain,
            Decoded::Broken => {
                return unsupported(
                    body,
                    "the body has Content-Encoding: gzip, and is no complete gzip",
                );
            }
            Decoded::TooLarge => {
                let reason = format!(
                    "the body has more than {max_bytes} bytes once it is decoded; these are its first, in gzip"
                );
                let start = Bytes::copy_from_slice(&body[..body.len().min(MAX_KEPT_BYTES)]);
                return Parsed::refused(parser, StatusCode::PAYLOAD_TOO_LARGE, start, reason);
            }
        },
    };
    let ParsedBody { items, has_event } = parser.parse_body(body, None);
    if has_event {
        return Parsed {
            status: StatusCode::OK,
            reason: String::new(),
            items,
        };
    }
    let why = items.first().and_then(|item| item.as_ref().err());
    let why = why.map(|malformed| sanitize(&malformed.reason.to_string()));
    Parsed {
        status: StatusCode::BAD_REQUEST,
        reason: format!(
            "no event was found in the body: {}; send Okta's events as EventBridge has them, or only their `detail`\n",
            why.unwrap_or_default()
        ),
        items,
    }
}

/// True once every item is settled; false if one is not in time.
async fn settle(service: &HttpService, items: Vec<Item>, deadline: Instant) -> bool {
    let count = items.len();
    let Some(outcomes) = service.enqueue(items, deadline) else {
        return false;
    };
    // Without outcomes the delivery was dropped.
    let outcomes = timeout_at(deadline + GRACE, outcomes).await;
    let is_settled = |outcome: &Outcome| *outcome == Outcome::Settled;
    matches!(outcomes, Ok(Ok(outcomes)) if outcomes.len() == count && outcomes.iter().all(is_settled))
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
