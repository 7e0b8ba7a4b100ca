//! The network between a program and Okta or Coralogix: latency, and every fault of an exchange.
//!
//! An exchange is sent, is on its way, reaches the server, and its response is on its way back. Each part is a step, so that the
//! process can be killed between any two; a fault ends the exchange in one of them or changes what the client sees.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt, stream};
use http::header::{AUTHORIZATION, CONTENT_LENGTH, DATE, HeaderValue, TRANSFER_ENCODING};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use okta_coralogix_core::Clock;
use okta_coralogix_core::transport::{Body, Transport, TransportError};
use tokio::time::sleep;

use super::credentials::authorization;
use crate::checks::check_request;
use crate::env::Env;
use crate::fault::{Framing, NetFault, Seam, suffix};
use crate::gateway::GatewayAnswer;
use crate::oracle::{Asked, EMPTY_BATCH, RequestId, RequestState};
use crate::process::Process;

/// The connections of one process to one server.
#[derive(Debug, Clone)]
pub(crate) struct FakeNetwork {
    pub(crate) process: Process,
    pub(crate) seam: Seam,
    pub(crate) server: Arc<dyn Transport>,
}

#[async_trait]
impl Transport for FakeNetwork {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let env = self.process.env();
        let (head, body) = request.into_parts();
        let fault = env.faults().net_fault(self.seam);
        let is_spared =
            |fault: &NetFault| matches!(fault, NetFault::Gateway(answer) if answer.spares_checks);
        let fault = fault.filter(|fault| &*body != EMPTY_BATCH || !is_spared(fault));
        let to = self.seam;
        let fault = match to {
            Seam::Ingress if fault.is_none() && env.faults().has_obstacle() => {
                let content = env.oracle().content(&body);
                env.faults().obstacle(&content)
            }
            _ => fault,
        };
        self.process
            .step(|| format!("{to:?}: {} {}{}", head.method, head.uri, suffix(fault)))
            .await;
        check_request(env, to, &head, &body);
        let mut exchange = Exchange::begin(&self.process, to, &head, &body);
        let one_way = env.faults().latency() + NetFault::delay(fault);
        sleep(one_way).await;
        self.process.step(|| format!("{to:?}: on its way")).await;
        match fault {
            Some(NetFault::Refused) => {
                exchange.concluded(RequestState::Unreachable, Duration::ZERO);
                return Err(refused());
            }
            Some(NetFault::ResetBefore | NetFault::HalfRequest) => return Err(reset()),
            Some(NetFault::Silence) => pending().await,
            Some(NetFault::Status(status)) => {
                exchange.answered(status);
                return Ok(with_date(proxy_response(status), env.clocks.host.now()));
            }
            Some(NetFault::Gateway(answer)) => {
                if answer.passes_on && refusal(env, to, &head).is_none() {
                    self.serve(&head, &body, exchange.request).await?;
                }
                return Ok(self.intercept(exchange, answer).await);
            }
            Some(NetFault::Late(time)) => {
                self.serve_later(head, body, exchange.request, time);
                return Err(reset());
            }
            _ => {}
        }
        if let Some(status) = refusal(env, to, &head) {
            exchange.answered(status);
            return Ok(refused_credential(to, status));
        }
        let (response, whole) = self.serve(&head, &body, exchange.request).await?;
        if fault == Some(NetFault::Duplicated) {
            self.serve(&head, &body, exchange.request).await?;
        }
        let status = response.status();
        self.process
            .step(|| format!("{to:?}: the server answers {status}"))
            .await;
        sleep(one_way).await;
        if let Some(NetFault::Slow(time)) = fault {
            sleep(time).await;
        }
        if !NetFault::loses_response(fault) {
            self.process
                .step(|| format!("{to:?}: the response is there"))
                .await;
            exchange.answered(status.as_u16());
        }
        let response = respond(response, whole, fault)?;
        if fault != Some(NetFault::Stalled) {
            return Ok(response);
        }
        // The exchange lasts until the client gives up.
        Ok(response.map(|body| {
            let kept = stream::once(async move {
                let _exchange = exchange;
                pending().await
            });
            body.chain(kept).boxed()
        }))
    }
}

impl FakeNetwork {
    /// The server handles a request. Returns its response and the whole body.
    async fn serve(
        &self,
        head: &Parts,
        body: &Bytes,
        id: Option<RequestId>,
    ) -> Result<(Response<()>, Bytes), TransportError> {
        let request = Request::from_parts(head.clone(), body.clone());
        let (head, body) = self.server.call(request).await?.into_parts();
        let whole: Vec<Bytes> = body.try_collect().await?;
        let whole = Bytes::from(whole.concat());
        if head.status.is_success() {
            match (self.seam, id) {
                (Seam::Okta, _) => self.receive_page(&whole),
                (_, Some(id)) => self.process.env().oracle().request_ingested(id),
                _ => {}
            }
        }
        Ok((Response::from_parts(head, ()), whole))
    }

    /// The server handles a request whose response nobody waits for any more.
    fn serve_later(&self, head: Parts, body: Bytes, id: Option<RequestId>, time: Duration) {
        let late = self.clone();
        tokio::spawn(async move {
            sleep(time).await;
            let env = late.process.env();
            env.trace(|| format!("{:?}: a request arrives late", late.seam));
            if refusal(env, late.seam, &head).is_none() {
                late.serve(&head, &body, id).await.ok();
            }
        });
    }

    /// A gateway answers in the server's place.
    async fn intercept(&self, mut exchange: Exchange, answer: GatewayAnswer) -> Response<Body> {
        let (env, to) = (self.process.env(), self.seam);
        self.process
            .step(|| format!("{to:?}: a gateway answers {}", answer.status))
            .await;
        let state = RequestState::of_gateway(to, answer);
        exchange.concluded(state, answer.asked_wait());
        let response = answer.response(env.clocks.now());
        response.map(|body| stream::iter([Ok(body)]).boxed())
    }

    /// The process receives the events of a page.
    fn receive_page(&self, page: &Bytes) {
        let env = self.process.env();
        let page = String::from_utf8_lossy(page);
        let mut oracle = env.oracle();
        for event in env.events.iter() {
            if page.contains(&*String::from_utf8_lossy(&event.text)) {
                oracle.received(self.process.number(), event.original);
            }
        }
    }
}

/// One exchange, as the oracle counts it. Without a response until it is dropped, its request is lost.
struct Exchange {
    process: Process,
    seam: Seam,
    asked: Asked,
    /// Whether it counts as one of the concurrent requests, which are bounded. A request without entries does not.
    counted: bool,
    request: Option<RequestId>,
    answered: bool,
}

impl Exchange {
    fn begin(process: &Process, seam: Seam, head: &Parts, body: &Bytes) -> Self {
        let mut oracle = process.env().oracle();
        let number = process.number();
        let credential = head.headers.get(AUTHORIZATION);
        let credential = credential.map_or(&[][..], HeaderValue::as_bytes);
        let request = match seam {
            Seam::Ingress => oracle.request_sent(number, body),
            _ => None,
        };
        let counted = &**body != EMPTY_BATCH;
        if counted {
            oracle.exchange_began(number, seam);
        }
        let asked = Asked {
            process: number,
            seam,
            credential: Bytes::copy_from_slice(credential),
            body: body.clone(),
            is_unique: request.is_none_or(|request| oracle.is_unique(request)),
            is_suspect: request.is_some_and(|request| oracle.is_suspect(request)),
        };
        oracle.remote_asked(&asked);
        Self {
            process: process.clone(),
            seam,
            asked,
            counted,
            request,
            answered: false,
        }
    }

    fn answered(&mut self, status: u16) {
        self.concluded(RequestState::Answered(status), Duration::ZERO);
    }

    fn concluded(&mut self, state: RequestState, asked_wait: Duration) {
        self.end(state);
        self.answered = true;
        let mut oracle = self.process.env().oracle();
        oracle.remote_answered(&self.asked, state, asked_wait);
    }

    fn end(&self, state: RequestState) {
        if let Some(request) = self.request {
            self.process.env().oracle().request_ended(request, state);
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if !self.answered {
            self.end(RequestState::Lost);
            let mut oracle = self.process.env().oracle();
            oracle.remote_unanswered(&self.asked);
        }
        if self.counted {
            let mut oracle = self.process.env().oracle();
            oracle.exchange_ended(self.process.number(), self.seam);
        }
    }
}

/// The status with which the server itself refuses the credential of a request.
fn refusal(env: &Env, seam: Seam, head: &Parts) -> Option<u16> {
    let refusal = env.faults().refusal(seam);
    refusal.or_else(|| (!is_authorized(env, seam, head)).then_some(401))
}

/// The server's own refusal: Okta marks it.
fn refused_credential(seam: Seam, status: u16) -> Response<Body> {
    let body: &[u8] = match (seam, status) {
        (Seam::Okta, 403) => b"{\"errorCode\":\"E0000006\",\"errorSummary\":\"no permission\"}",
        (Seam::Okta, _) => {
            b"{\"errorCode\":\"E0000011\",\"errorSummary\":\"Invalid token provided\"}"
        }
        _ => b"{\"message\":\"refused\"}",
    };
    let mut response = Response::new(stream::iter([Ok(Bytes::from_static(body))]).boxed());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::UNAUTHORIZED);
    response
}

/// Whether the server accepts the credential of a request.
fn is_authorized(env: &Env, seam: Seam, head: &Parts) -> bool {
    let state = env.state();
    let version = match seam {
        Seam::Okta => state.api_token.current,
        _ => state.ingress_key.current,
    };
    let expected = authorization(seam, version);
    let sent = head.headers.get(AUTHORIZATION);
    sent.is_some_and(|sent| sent.as_bytes() == expected.as_bytes())
}

pub(super) fn refused() -> TransportError {
    TransportError::Connect("refused".into())
}

pub(super) fn reset() -> TransportError {
    TransportError::Interrupted("reset".into())
}

/// The response as the client sees it: whole, broken off or stalled.
pub(super) fn respond(
    response: Response<()>,
    whole: Bytes,
    fault: Option<NetFault>,
) -> Result<Response<Body>, TransportError> {
    if let Some(NetFault::Cut(framing)) = fault {
        return Ok(cut(response, &whole, framing));
    }
    let half = whole.slice(..whole.len() / 2);
    let body = match fault {
        Some(NetFault::ResetAfter) => return Err(reset()),
        Some(NetFault::HalfBody) => stream::iter([Ok(half), Err(reset())]).boxed(),
        Some(NetFault::Stalled) => stream::iter([Ok(half)]).chain(stream::pending()).boxed(),
        _ => stream::iter([Ok(whole)]).boxed(),
    };
    Ok(response.map(|()| body))
}

/// The response, cut off behind a `]` within it, if there is one.
fn cut(response: Response<()>, whole: &Bytes, framing: Framing) -> Response<Body> {
    let mut ends = whole.iter().enumerate().filter(|(_, byte)| **byte == b']');
    let place = ends.nth_back(1).map(|(place, _)| place);
    let left = place.map_or_else(|| whole.clone(), |place| whole.slice(..=place));
    let (length, coding) = match framing {
        Framing::Whole => (Some(whole.len()), None),
        Framing::Recounted => (Some(left.len()), None),
        Framing::Identity => (None, Some("identity")),
        Framing::ChunkedBefore => (None, Some("chunked, identity")),
        Framing::Silent => (None, None),
    };
    let mut response = response.map(|()| stream::iter([Ok(left)]).boxed());
    let headers = response.headers_mut();
    headers.remove(CONTENT_LENGTH);
    headers.remove(TRANSFER_ENCODING);
    headers.extend(length.map(|length| (CONTENT_LENGTH, HeaderValue::from(length))));
    headers.extend(coding.map(|coding| (TRANSFER_ENCODING, HeaderValue::from_static(coding))));
    response
}

/// A response of a proxy.
pub(super) fn proxy_response(status: u16) -> Response<Body> {
    let body = Bytes::from_static(b"{\"said\":\"by something on the way\"}");
    let mut response = Response::new(stream::iter([Ok(body)]).boxed());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    response
}

/// Adds the time by the proxy's clock, which is that of the host and may be wrong. The sink takes a 400 or 422 with a `Date` for a
/// response of the ingress, so that no proxy here sends both.
fn with_date(mut response: Response<Body>, now: DateTime<Utc>) -> Response<Body> {
    let judges = matches!(response.status().as_u16(), 400 | 422);
    let date = now.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let (false, Ok(date)) = (judges, HeaderValue::from_str(&date)) {
        response.headers_mut().insert(DATE, date);
    }
    response
}
