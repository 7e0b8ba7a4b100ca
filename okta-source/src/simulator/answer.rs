//! Answers one request.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, DATE, HOST, HeaderMap, HeaderName,
    HeaderValue, LINK, RETRY_AFTER, USER_AGENT,
};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use okta_coralogix_core::Secret;
use serde_json::{Value, json};

use super::body;
use super::fault::Fault;
use super::oauth::TOKEN_PATH;
use super::org::{OktaSimulator, Org, State};
use super::query::Query;
use super::rate_limit::Rate;
use super::request_log::RecordedRequest;
use super::script::{before_the_org, scripted, too_many};

/// Marks a response that the transport turns into a failed connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConnectFailed;

/// How long a query may take. (Okta developer docs, "System Log query", 2026.)
const QUERY_TIMEOUT: Duration = Duration::from_secs(30);

/// An answer without the headers that all have.
struct Answer {
    fault: Option<Fault>,
    response: Response<Bytes>,
    authorized: bool,
    /// `None`: the answer is not the org's, and gets none of its headers.
    rate: Option<Rate>,
}

impl Answer {
    /// That of something before the org, if such a fault is next.
    fn before_the_org(fault: Option<&Fault>) -> Option<Self> {
        Some(Self {
            response: before_the_org(fault?)?,
            fault: None,
            authorized: false,
            rate: None,
        })
    }
}

/// A request in flight, and the number of requests in flight with it.
struct InFlight<'a>(&'a AtomicUsize, usize);

impl<'a> InFlight<'a> {
    fn enter(count: &'a AtomicUsize) -> Self {
        let before = count.fetch_add(1, Ordering::Relaxed);
        Self(count, before + 1)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

const LIMIT: HeaderName = HeaderName::from_static("x-rate-limit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-rate-limit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-rate-limit-reset");
const RETRY_FOR: HeaderName = HeaderName::from_static("x-okta-retry-for");
const RETRY_COUNT: HeaderName = HeaderName::from_static("x-okta-retry-count");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-okta-request-id");

impl OktaSimulator {
    pub(super) async fn answer(&self, request: &Parts, sent: &[u8]) -> Response<Body> {
        let now = self.now();
        let in_flight = InFlight::enter(&self.0.in_flight);
        let (fault, response) = self.0.respond(request, sent, now, in_flight.1);
        if !self.0.settings.latency.is_zero() {
            tokio::time::sleep(self.0.settings.latency).await;
        }
        match fault {
            Some(Fault::Silence) => std::future::pending().await,
            Some(Fault::HalfBody) => body::half(response),
            Some(Fault::StalledBody) => body::stalled(response),
            Some(Fault::SlowBody(wait)) => body::slow(response, wait),
            Some(Fault::EndlessArray) => body::endless(response),
            Some(Fault::QueryTimeout) => {
                tokio::time::sleep(QUERY_TIMEOUT).await;
                response.map(Body::from)
            }
            Some(Fault::Unreachable) => {
                let mut response = body::half(response.map(|_| Bytes::from_static(b"x")));
                response.extensions_mut().insert(ConnectFailed);
                response
            }
            _ => response.map(Body::from),
        }
    }
}

impl Org {
    /// The whole answer, and the fault to apply to it.
    fn respond(
        &self,
        request: &Parts,
        sent: &[u8],
        now: DateTime<Utc>,
        in_flight: usize,
    ) -> (Option<Fault>, Response<Bytes>) {
        let state = &mut *self.state();
        let answer = match request.uri.path() {
            TOKEN_PATH => Self::token(request, sent, state, now),
            _ => self.log(request, state, now, in_flight),
        };
        let mut response = answer.response;
        let number = state.requests.len() + 1;
        let fault = answer.fault;
        if let Some(rate) = answer.rate {
            common_headers(&mut response, fault.as_ref(), rate, number, now);
            if let Some(date) = &state.date {
                response.headers_mut().insert(DATE, header(date));
            }
        }
        let is_answered = !matches!(fault, Some(Fault::Silence | Fault::Unreachable));
        let headers = &request.headers;
        let header = |name| text(headers, name).map(str::to_owned);
        let scheme = text(headers, &AUTHORIZATION).and_then(|value| value.split_once(' '));
        state.requests.push(RecordedRequest {
            method: request.method.clone(),
            path_and_query: request
                .uri
                .path_and_query()
                .map(ToString::to_string)
                .unwrap_or_default(),
            had_credential: headers.contains_key(AUTHORIZATION),
            scheme: scheme.map(|(scheme, _)| scheme.to_owned()),
            authorized: answer.authorized,
            user_agent: header(&USER_AGENT),
            retry_for: header(&RETRY_FOR),
            retry_count: text(headers, &RETRY_COUNT).and_then(|count| count.parse().ok()),
            at: now,
            status: is_answered.then(|| response.status().as_u16()),
        });
        (fault, response)
    }

    fn log(
        &self,
        request: &Parts,
        state: &mut State,
        now: DateTime<Utc>,
        in_flight: usize,
    ) -> Answer {
        let is_crowded = self
            .settings
            .concurrency
            .is_some_and(|most| in_flight > most);
        let fault = state.script.next();
        if let Some(answer) = Answer::before_the_org(fault.as_ref()) {
            return answer;
        }
        let fault = fault.or(is_crowded.then_some(Fault::Concurrency));
        let (is_within, rate) = state.rate_limit.take(now, self.token_of(&request.headers));
        let admitted = self.admit(request, state, now);
        let authorized = admitted.is_ok();
        let mut response = match (fault.as_ref().and_then(scripted), admitted) {
            (Some(scripted), _) => scripted,
            (None, Err(refusal)) => *refusal,
            _ if !is_within => too_many(),
            _ => self.page(request, state, fault.as_ref(), now),
        };
        state.oauth.announce(request, &mut response);
        Answer {
            fault,
            response,
            authorized,
            rate: Some(rate),
        }
    }

    /// A token request, which has faults and a limit of its own.
    fn token(request: &Parts, sent: &[u8], state: &mut State, now: DateTime<Utc>) -> Answer {
        let fault = state.oauth.script.next();
        if let Some(answer) = Answer::before_the_org(fault.as_ref()) {
            return answer;
        }
        let (is_within, rate) = state.oauth.take(now);
        let response = match fault.as_ref().and_then(scripted) {
            Some(scripted) => scripted,
            None if !is_within => too_many(),
            None => state.oauth.token(request, sent, now),
        };
        Answer {
            fault,
            authorized: response.status() == StatusCode::OK,
            response,
            rate: Some(rate),
        }
    }

    /// An API token, or an access token that opens the log.
    fn admit(
        &self,
        request: &Parts,
        state: &mut State,
        now: DateTime<Utc>,
    ) -> Result<(), Box<Response<Bytes>>> {
        if let Some(admitted) = state.oauth.admit(request, now) {
            return admitted;
        }
        // Okta's SDK for Python leaves the space away (3.4.6), so that an org has to do without it.
        let token = text(&request.headers, &AUTHORIZATION)
            .and_then(|value| value.strip_prefix("SSWS"))
            .map(|token| token.strip_prefix(' ').unwrap_or(token));
        let is = |known: &Secret| token == Some(known.expose());
        if is(&state.token) || self.settings.other_tokens.iter().any(is) {
            return Ok(());
        }
        let summary = "Invalid token provided";
        let refusal = error(StatusCode::UNAUTHORIZED, "E0000011", summary);
        Err(Box::new(refusal))
    }

    /// A hash of the credential of a request, as the key of its rate limit.
    fn token_of(&self, headers: &HeaderMap) -> u64 {
        self.hasher.hash_one(headers.get(AUTHORIZATION))
    }

    fn page(
        &self,
        request: &Parts,
        state: &mut State,
        fault: Option<&Fault>,
        now: DateTime<Utc>,
    ) -> Response<Bytes> {
        if request.uri.path() != "/api/v1/logs" {
            return error(
                StatusCode::NOT_FOUND,
                "E0000008",
                "The requested path was not found",
            );
        }
        if request.method != Method::GET {
            return error(
                StatusCode::METHOD_NOT_ALLOWED,
                "E0000022",
                "The endpoint does not support the provided HTTP method",
            );
        }
        if !takes_json(&request.headers) {
            let summary = "Bad request. Accept and/or Content-Type headers likely do not match supported values.";
            return error(StatusCode::BAD_REQUEST, "E0000021", summary);
        }
        let query = Query::read(request.uri.query().unwrap_or_default(), &state.log, now);
        let query = query.map(|query| query.capped(state.page_cap));
        let answer = query.and_then(|query| Ok((query.answer(&state.log)?, query)));
        let (slice, query) = match answer {
            Ok(answer) => answer,
            Err((code, summary)) => return error(StatusCode::BAD_REQUEST, code, summary),
        };
        let base = base(request);
        let uri = &request.uri;
        let own = format!(
            "<{base}{}>; rel=\"self\"",
            uri.path_and_query().map_or("", |path| path.as_str())
        );
        let next = match fault {
            Some(Fault::NoNextLink) => None,
            Some(Fault::NextLink(target)) => Some(target.clone()),
            _ => {
                let turn = state.moves_empty_links.then_some(state.requests.len());
                let next = query.next(&slice, &state.log, turn);
                next.map(|next| format!("{base}{}?{next}", uri.path()))
            }
        };
        let next = next.map(|target| format!("<{target}>; rel=\"next\""));
        if fault.is_none() {
            self.caught_up.send_replace(slice.last);
        }
        let mut response = Response::new(slice.body);
        if fault == Some(&Fault::NotUtf8) {
            let mut bytes = response.body().to_vec();
            bytes.insert(1, 0xff);
            *response.body_mut() = Bytes::from(bytes);
        }
        if fault == Some(&Fault::WrongCharset) {
            *response.body_mut() = body::utf16(response.body());
        }
        let headers = response.headers_mut();
        let kind = match fault {
            Some(Fault::WrongCharset) => "application/json; charset=utf-16",
            _ => "application/json",
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        let mut lines = vec![own];
        lines.extend(next);
        lines.retain(|_| fault != Some(&Fault::NoLinkHeader));
        if self.settings.folded_links {
            lines = vec![lines.join(", ")];
        }
        for line in lines {
            headers.append(LINK, header(&line));
        }
        response
    }
}

fn common_headers(
    response: &mut Response<Bytes>,
    fault: Option<&Fault>,
    rate: Rate,
    number: usize,
    now: DateTime<Utc>,
) {
    // In memory nothing else would tell that the body is whole.
    let length = HeaderValue::from(response.body().len());
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, length);
    let date = now.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    headers.insert(DATE, header(&date));
    headers.insert(REQUEST_ID, header(&format!("req{number}")));
    let (limit, remaining, reset) = match fault {
        Some(Fault::RateLimitedSilently) => return,
        Some(Fault::RetryAfter(seconds)) => {
            headers.insert(RETRY_AFTER, HeaderValue::from(*seconds));
            (rate.limit, rate.remaining, rate.reset)
        }
        Some(Fault::Concurrency) => (0, 0, rate.reset),
        Some(Fault::RateLimited(wait)) => {
            let wait = i64::try_from(wait.as_secs()).unwrap_or(i64::MAX);
            (rate.limit, 0, now.timestamp().saturating_add(wait))
        }
        _ => (rate.limit, rate.remaining, rate.reset),
    };
    headers.insert(LIMIT, HeaderValue::from(limit));
    headers.insert(REMAINING, HeaderValue::from(remaining));
    headers.insert(RESET, HeaderValue::from(reset));
}

pub(super) fn error(status: StatusCode, code: &str, summary: &str) -> Response<Bytes> {
    let body = json!({
        "errorCode": code,
        "errorSummary": summary,
        "errorLink": code,
        "errorId": "oaeSimulator",
        "errorCauses": [],
    });
    json_answer(status, &body)
}

pub(super) fn json_answer(status: StatusCode, body: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

fn takes_json(headers: &HeaderMap) -> bool {
    let accepts = text(headers, &ACCEPT)
        .is_some_and(|accept| accept.contains("application/json") || accept.contains("*/*"));
    accepts && text(headers, &CONTENT_TYPE).is_none_or(|sent| sent.starts_with("application/json"))
}

/// Scheme and authority that the client used, for the links.
pub(super) fn base(request: &Parts) -> String {
    match (request.uri.scheme_str(), request.uri.authority()) {
        (Some(scheme), Some(authority)) => format!("{scheme}://{authority}"),
        _ => {
            let host = text(&request.headers, &HOST).unwrap_or("127.0.0.1");
            // The socket has a port of its own: without one, something that ends TLS stands before it.
            let scheme = match host.contains(':') {
                true => "http",
                false => "https",
            };
            format!("{scheme}://{host}")
        }
    }
}

pub(super) fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// A header value; empty if the scripted text is not valid in a header.
pub(super) fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}
