//! What is answered to a request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, any, get, on};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use okta_coralogix_core::event::MalformedReason;
use okta_coralogix_core::{ClockOffset, Error, MalformedEvent, RawEvent};
use tokio::sync::{Semaphore, SemaphorePermit, mpsc, oneshot, watch};
use tokio::time::{Instant, timeout_at};

use super::authenticator::Verdict;
use super::builder::Settings;
use super::request_body::{self, Received};
use super::source::Waiting;
use crate::BodyParser;

/// How much later than the deadline the pipeline's answer may come: it is told at the deadline.
const GRACE: Duration = Duration::from_millis(500);

const APPLICATION: HeaderName = HeaderName::from_static("cx-application-name");
const SUBSYSTEM: HeaderName = HeaderName::from_static("cx-subsystem-name");

/// The unit in which the memory of bodies is counted, for a semaphore counts to 2^29 on small machines.
const KIB: usize = 1024;

type Item = Result<RawEvent, MalformedEvent>;

/// What the handlers share.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) settings: Settings,
    queue: mpsc::Sender<Waiting>,
    memory: Semaphore,
    closed: watch::Sender<bool>,
    /// Why the source cannot go on.
    failures: mpsc::Sender<Arc<Error>>,
    /// It was said that the sink's clock is awaited.
    told: AtomicBool,
}

pub(super) fn router(endpoint: Arc<Endpoint>) -> Router {
    // An API destination can be set up with any of these.
    let methods = MethodFilter::POST
        .or(MethodFilter::PUT)
        .or(MethodFilter::PATCH);
    Router::new()
        .route(
            &endpoint.settings.path,
            on(methods, receive).fallback(another_method),
        )
        .route("/healthz", get(async || "alive\n").fallback(another_method))
        .route("/readyz", get(ready).fallback(another_method))
        .with_state(endpoint)
}

/// For who has the server to himself: an event sent to a wrong path comes again, until the API destination is set right.
pub(super) fn router_of_a_server(endpoint: Arc<Endpoint>) -> Router {
    let elsewhere = any(elsewhere).with_state(Arc::clone(&endpoint));
    router(endpoint).fallback_service(elsewhere)
}

impl Endpoint {
    pub(super) fn new(
        settings: Settings,
        queue: mpsc::Sender<Waiting>,
        failures: mpsc::Sender<Arc<Error>>,
    ) -> Self {
        let memory = (settings.max_buffered_bytes / KIB).clamp(1, Semaphore::MAX_PERMITS);
        Self {
            settings,
            queue,
            memory: Semaphore::new(memory),
            closed: watch::Sender::new(false),
            failures,
            told: AtomicBool::new(false),
        }
    }

    /// Nothing more is taken.
    pub(super) fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Resolves when nothing more is taken.
    pub(super) async fn closed(&self) {
        // It lives as long as this does.
        self.closed
            .subscribe()
            .wait_for(|closed| *closed)
            .await
            .ok();
    }

    /// How far the sink's clock is. The sink is asked for it as long as it has not answered: where everything seems too old,
    /// nothing else would.
    pub(super) fn clock_offset(self: &Arc<Self>) -> ClockOffset {
        let Some(offset) = &self.settings.clock_offset else {
            return ClockOffset::default();
        };
        if offset.get().is_unknown() && !self.settings.readiness.is_asking() {
            tokio::spawn(Arc::clone(self).ask_for_the_clock());
        }
        offset.get()
    }

    async fn ask_for_the_clock(self: Arc<Self>) {
        match self.settings.readiness.ask().await {
            // If it has a clock, the sink has noted it now.
            Ok(()) => {}
            // As a request would have, if there were one. Whoever has said so already has ended the source.
            Err(error) if !error.is_temporary() => {
                self.failures.try_send(error).ok();
            }
            Err(_) if self.told.swap(true, Ordering::Relaxed) => {}
            Err(_) => tracing::warn!(
                "until the sink has answered, what seems too old by this host's clock alone is neither dropped nor sent: it is \
                 answered 503, and comes again"
            ),
        }
    }

    /// Room for a body; `None` if there is too much already.
    fn reserve(&self, declared: Option<u64>) -> Option<SemaphorePermit<'_>> {
        let limit = self.settings.max_body_bytes as u64;
        let bytes = usize::try_from(declared.unwrap_or(limit).min(limit)).ok()?;
        let permits = u32::try_from(bytes.div_ceil(KIB).max(1)).ok()?;
        self.memory.try_acquire_many(permits).ok()
    }

    fn body_parser(&self, headers: &HeaderMap) -> BodyParser {
        let mut parser = self.settings.parser.clone();
        if self.settings.names_from_headers {
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

    /// Hands items over and waits for their outcome. True if all are settled.
    async fn settle(&self, items: Vec<Item>, deadline: Instant) -> bool {
        let (sender, outcome) = oneshot::channel();
        let waiting = Waiting {
            items,
            deadline,
            sender,
        };
        if *self.closed.borrow() || self.queue.try_send(waiting).is_err() {
            return false;
        }
        matches!(timeout_at(deadline + GRACE, outcome).await, Ok(Ok(true)))
    }

    fn unavailable(&self, why: &'static str) -> Response {
        let wait = HeaderValue::from(self.settings.retry_after.as_secs());
        (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, wait)], why).into_response()
    }

    /// The sender's credential. Whoever is not let through has his body read, so that he reads the answer.
    async fn admit(&self, request: Request, deadline: Instant) -> Result<Request, Response> {
        let judged = timeout_at(
            deadline,
            self.settings.authenticator.judge(request.headers()),
        )
        .await;
        let answer = match judged {
            Ok(Verdict::Allowed) => return Ok(request),
            Ok(Verdict::Refused) => {
                let challenge = [(WWW_AUTHENTICATE, self.settings.authenticator.challenge())];
                (
                    StatusCode::UNAUTHORIZED,
                    challenge,
                    "the credential is missing or wrong\n",
                )
                    .into_response()
            }
            Ok(Verdict::Unknown) | Err(_) => {
                self.unavailable("the credential cannot be checked now\n")
            }
        };
        self.discard(request.into_body(), deadline).await;
        Err(answer)
    }

    async fn discard(&self, body: Body, deadline: Instant) {
        timeout_at(deadline, request_body::discard(body)).await.ok();
    }
}

async fn receive(State(endpoint): State<Arc<Endpoint>>, request: Request) -> Response {
    let deadline = Instant::now() + endpoint.settings.response_deadline;
    let request = match endpoint.admit(request, deadline).await {
        Ok(request) => request,
        Err(answer) => return answer,
    };
    let (head, body) = request.into_parts();
    let declared = declared_length(&head.headers);
    let Some(_memory) = endpoint.reserve(declared) else {
        endpoint.discard(body, deadline).await;
        return endpoint.unavailable("too much is in flight\n");
    };
    let read = request_body::read(body, declared, endpoint.settings.max_body_bytes);
    let parser = endpoint.body_parser(&head.headers);
    let (answer, items) = match timeout_at(deadline, read).await {
        Ok(Received::Whole(body)) => judge(&parser, &head.headers, body),
        Ok(Received::TooLarge { start, length }) => {
            let limit = endpoint.settings.max_body_bytes;
            let reason = format!(
                "the body has {length} bytes, at most {limit} are taken; these are its first"
            );
            let item = parser.malformed(start, MalformedReason::Refused(reason));
            (StatusCode::PAYLOAD_TOO_LARGE, vec![item])
        }
        Ok(Received::Broken) | Err(_) => {
            return endpoint.unavailable("the body did not arrive in time\n");
        }
    };
    match endpoint.settle(items, deadline).await {
        true => answer.into_response(),
        false => endpoint.unavailable("not settled: send it again\n"),
    }
}

/// What a body holds, and how it is answered once that is settled.
fn judge(parser: &BodyParser, headers: &HeaderMap, body: bytes::Bytes) -> (StatusCode, Vec<Item>) {
    let encoding = headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes);
    if encoding.is_some_and(|encoding| !encoding.eq_ignore_ascii_case(b"identity")) {
        let reason =
            MalformedReason::Refused("the body has a Content-Encoding; none is taken".into());
        let item = parser.malformed(body, reason);
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, vec![item]);
    }
    let items = parser.parse(body);
    let answer = match items.iter().all(is_no_event) {
        true => StatusCode::BAD_REQUEST,
        false => StatusCode::OK,
    };
    (answer, items)
}

/// True for what has nothing of an event. One whose time cannot be read is one.
fn is_no_event(item: &Item) -> bool {
    let reason = item.as_ref().err().map(|bad| &bad.reason);
    !matches!(
        reason,
        None | Some(MalformedReason::NoPublished | MalformedReason::BadPublished)
    )
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn ready(State(endpoint): State<Arc<Endpoint>>) -> Response {
    let has_room = endpoint.queue.capacity() > 0 && endpoint.memory.available_permits() > 0;
    let is_open = !*endpoint.closed.borrow() && !endpoint.queue.is_closed();
    let answer = match (is_open, has_room) {
        (false, _) => "stopping\n",
        (_, false) => "too much is in flight\n",
        _ if endpoint.settings.readiness.ask().await.is_err() => "the sink cannot be reached\n",
        _ => return "ready\n".into_response(),
    };
    endpoint.unavailable(answer)
}

/// EventBridge does not come again after a 405: what was sent would be lost.
async fn another_method(State(endpoint): State<Arc<Endpoint>>, request: Request) -> Response {
    let why = "nothing is taken here with this method: the API destination's must be POST, PUT or PATCH, and its path right\n";
    refuse_for_now(&endpoint, request, why).await
}

async fn elsewhere(State(endpoint): State<Arc<Endpoint>>, request: Request) -> Response {
    let why = "nothing is taken here: the path of the API destination's endpoint is wrong\n";
    refuse_for_now(&endpoint, request, why).await
}

/// An answer after which EventBridge comes again, until the API destination is set right.
async fn refuse_for_now(endpoint: &Endpoint, request: Request, why: &'static str) -> Response {
    let deadline = Instant::now() + endpoint.settings.response_deadline;
    let request = match endpoint.admit(request, deadline).await {
        Ok(request) => request,
        Err(answer) => return answer,
    };
    tracing::warn!(
        method = %request.method(),
        path = request.uri().path(),
        "an event cannot be taken: {}",
        why.trim_end()
    );
    endpoint.discard(request.into_body(), deadline).await;
    endpoint.unavailable(why)
}
