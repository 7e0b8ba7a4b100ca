//! The network between a program and a far side: latency, and whatever can happen to one exchange.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt, stream};

use http::header::{CONTENT_TYPE, DATE, HeaderValue};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use okta_coralogix_core::Clock;
use okta_coralogix_core::transport::{Body, Transport, TransportError};
use tokio::time::sleep;

use crate::oracle::RequestId;
use crate::oracle::request_log::RequestState;
use crate::plan::{NetFault, Seam};
use crate::process::Process;

/// The connections of one process to the org or the ingress.
#[derive(Debug)]
pub(crate) struct FakeNetwork {
    pub(crate) process: Process,
    pub(crate) seam: Seam,
    pub(crate) remote: Arc<dyn Transport>,
}

/// What the ingress is asked with.
pub(crate) const EMPTY_BATCH: &[u8] = b"[]";

#[async_trait]
impl Transport for FakeNetwork {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let env = self.process.env();
        let (head, body) = request.into_parts();
        let fault = env.net_fault(self.seam);
        let to = self.seam;
        self.process
            .step(|| format!("{to:?}: {} {}{}", head.method, head.uri, met(fault)))
            .await;
        env.check_request(to, &head, &body);
        let mut request = Attempt::begin(&self.process, to, &body);
        // A question whether anybody is there is none of the requests that are bounded.
        let _busy = (&*body != EMPTY_BATCH).then(|| env.busy(self.process.number(), to));
        let latency = env.latency();
        let delay = match fault {
            Some(NetFault::Delay(time)) => time / 2,
            _ => Duration::ZERO,
        };
        sleep(latency + delay).await;
        self.process.step(|| format!("{to:?}: on the way")).await;
        match fault {
            Some(NetFault::Refused) => {
                request.answered(503);
                return Err(TransportError::Connect("refused".into()));
            }
            Some(NetFault::ResetBefore) => return Err(reset()),
            Some(NetFault::Status(status)) => {
                request.answered(status);
                return Ok(dated(proxy_response(status), env.host_clock.now()));
            }
            Some(NetFault::Html) => {
                request.answered(400);
                return Ok(page());
            }
            Some(NetFault::Late(time)) => {
                self.later(head, body, request.id, time);
                return Err(reset());
            }
            _ => {}
        }
        if let Some(refusal) = env.refuses(to, &head) {
            request.answered(refusal);
            return Ok(proxy_response(refusal));
        }
        let (answer, whole) = self.act(&head, &body, request.id).await?;
        if fault == Some(NetFault::Duplicated) {
            self.act(&head, &body, request.id).await?;
        }
        self.process
            .step(|| format!("{to:?}: has acted and says {}", answer.status()))
            .await;
        sleep(latency + delay).await;
        let half = whole.slice(..whole.len() / 2);
        match fault {
            Some(NetFault::ResetAfter) => return Err(reset()),
            Some(NetFault::HalfBody) => {
                return Ok(answer.map(|()| stream::iter([Ok(half), Err(reset())]).boxed()));
            }
            Some(NetFault::Stalled) => {
                return Ok(
                    answer.map(|()| stream::iter([Ok(half)]).chain(stream::pending()).boxed())
                );
            }
            _ => {}
        }
        self.process
            .step(|| format!("{to:?}: the answer is there"))
            .await;
        request.answered(answer.status().as_u16());
        Ok(answer.map(|()| stream::iter([Ok(whole)]).boxed()))
    }
}

impl FakeNetwork {
    /// The far side acts.
    async fn act(
        &self,
        head: &Parts,
        body: &Bytes,
        id: Option<RequestId>,
    ) -> Result<(Response<()>, Bytes), TransportError> {
        let request = Request::from_parts(head.clone(), body.clone());
        let (head, body) = self.remote.call(request).await?.into_parts();
        let whole: Vec<Bytes> = body.try_collect().await?;
        let whole = Bytes::from(whole.concat());
        if head.status.is_success() {
            let env = self.process.env();
            match (self.seam, id) {
                (Seam::Okta, _) => env.serves(&self.process, &whole),
                (_, Some(id)) => env.oracle().request_ingested(id),
                _ => {}
            }
        }
        Ok((Response::from_parts(head, ()), whole))
    }

    /// The request arrives when nobody waits for its answer any more.
    fn later(&self, head: Parts, body: Bytes, id: Option<RequestId>, time: Duration) {
        let late = Self {
            process: self.process.clone(),
            seam: self.seam,
            remote: Arc::clone(&self.remote),
        };
        tokio::spawn(async move {
            sleep(time).await;
            let env = late.process.env();
            env.say(|| format!("{:?}: a request arrives late", late.seam));
            if env.refuses(late.seam, &head).is_none() {
                late.act(&head, &body, id).await.ok();
            }
        });
    }
}

/// What becomes of one attempt at the ingress, for the books: whatever ends it without an answer breaks it.
struct Attempt {
    process: Process,
    id: Option<RequestId>,
    ended: bool,
}

impl Attempt {
    fn begin(process: &Process, seam: Seam, body: &Bytes) -> Self {
        let id = match seam {
            Seam::Ingress => process.env().attempt(process, body),
            _ => None,
        };
        Self {
            process: process.clone(),
            id,
            ended: false,
        }
    }

    fn answered(&mut self, status: u16) {
        self.ends(RequestState::Answered(status));
    }

    fn ends(&mut self, state: RequestState) {
        if let Some(id) = self.id.filter(|_| !self.ended) {
            self.process.env().oracle().state(id, state);
        }
        self.ended = true;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.ends(RequestState::Lost);
    }
}

pub(crate) fn met(fault: Option<NetFault>) -> String {
    fault.map_or_else(String::new, |fault| format!(", meets {fault:?}"))
}

pub(crate) fn reset() -> TransportError {
    TransportError::Interrupted("reset".into())
}

/// An answer of something on the way.
pub(crate) fn proxy_response(status: u16) -> Response<Body> {
    let said = Bytes::from_static(b"{\"said\":\"by something on the way\"}");
    let mut answer = Response::new(stream::iter([Ok(said)]).boxed());
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    answer
}

/// The time by the clock of something on the way: that of the host, which may be wrong. What judges the content of a request is taken for
/// the ingress if it tells the time, so that nothing else here does both.
fn dated(mut answer: Response<Body>, now: DateTime<Utc>) -> Response<Body> {
    let judges = matches!(answer.status().as_u16(), 400 | 422);
    let date = now.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let (false, Ok(date)) = (judges, HeaderValue::from_str(&date)) {
        answer.headers_mut().insert(DATE, date);
    }
    answer
}

fn page() -> Response<Body> {
    let said = Bytes::from_static(b"<html><body>Please sign in</body></html>");
    let mut answer = Response::new(stream::iter([Ok(said)]).boxed());
    let html = HeaderValue::from_static("text/html");
    answer.headers_mut().insert(CONTENT_TYPE, html);
    answer
}
