//! Handles one request: checks it, records it, and answers.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use flate2::write::GzEncoder;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, DATE, LOCATION, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderMap, Method, Response, StatusCode};

use super::arrival::{Arrival, Warning};
use super::body::{self, BadBody, Singles};
use super::fault::{Fault, RetryAfter};
use super::ingress::{CoralogixSimulator, SimulatedIngress, State};
use super::ledger::RecordedRequest;

pub(super) const PAGE: &str = "<!DOCTYPE html><html><body><h1>It works!</h1></body></html>";

const INFALLIBLE: &str = "writing to memory does not fail";

const WRONG_KEY: &str = "wrong key";

/// How the response is sent.
#[derive(Debug)]
pub(super) enum SimulatedResponse {
    /// A whole answer.
    Whole(Response<Bytes>),
    /// The head of the answer and half of its body.
    Half(Response<Bytes>),
    /// The head of the answer, half of its body, and then nothing.
    Stalled(Response<Bytes>),
    /// None: the connection breaks.
    Broken,
}

impl CoralogixSimulator {
    /// Handles one request, from a socket or in memory. `read` resolves to its body, or to `None` if the client broke off.
    pub(super) async fn handle(
        &self,
        head: &Parts,
        read: impl Future<Output = Option<Bytes>>,
    ) -> SimulatedResponse {
        let ingress = self.ingress();
        #[cfg(feature = "query")]
        if head.uri.path() == crate::query::QUERY_PATH {
            return self.handle_query(head, read).await;
        }
        let fault = {
            let mut state = ingress.state();
            if state.down {
                return SimulatedResponse::Broken;
            }
            state.next.pop_front().or_else(|| state.always.clone())
        };
        if fault == Some(Fault::ResetBeforeReading) {
            return ingress.reset(&[]);
        }
        if let Some(Fault::SlowReading(wait)) = fault {
            tokio::time::sleep(wait).await;
        }
        let Some(wire) = read.await else {
            return SimulatedResponse::Broken;
        };
        let fault = ingress.fault_at_an_entry(head, &wire).or(fault);
        match fault {
            Some(Fault::ResetBeforeReading) => return ingress.reset(&wire),
            Some(Fault::Silence) => {
                ingress.state().ledger.requests.push(record(&wire, None));
                std::future::pending::<()>().await;
            }
            _ => {}
        }
        let wait = match fault {
            Some(Fault::Slow(wait)) => wait,
            _ => Duration::ZERO,
        };
        let response = ingress.answer(head, &wire, fault);
        tokio::time::sleep(wait).await;
        response
    }
}

impl SimulatedIngress {
    fn reset(&self, wire: &[u8]) -> SimulatedResponse {
        self.state().ledger.requests.push(record(wire, None));
        SimulatedResponse::Broken
    }

    /// The fault of a request with an entry at which requests fail.
    fn fault_at_an_entry(&self, head: &Parts, wire: &[u8]) -> Option<Fault> {
        let (is_poison, fault) = self.state().fails_at.clone()?;
        let singles = body::read(&head.headers, wire).ok()?;
        let mut entries = singles.entries.iter();
        entries.any(|entry| is_poison(&entry.text)).then_some(fault)
    }

    fn answer(&self, head: &Parts, wire: &Bytes, fault: Option<Fault>) -> SimulatedResponse {
        let now = self.settings.clock.now();
        let mut state = self.state();
        let mut record = record(wire, None);
        let checked = match &fault {
            Some(Fault::Status { status, .. }) => Err((*status, "scripted".to_owned())),
            Some(Fault::Redirect(_)) => Err((302, String::new())),
            Some(Fault::GzipBomb { status, .. }) if !(200..300).contains(status) => {
                Err((*status, "scripted".to_owned()))
            }
            _ => self.check(&state, head, wire),
        };
        let (status, said) = match checked {
            Ok(singles) => {
                record.entries = singles.entries.len();
                record.plain_bytes = singles.plain_bytes;
                record.accepted = true;
                self.accept(&mut state, singles.entries, now);
                match fault {
                    Some(Fault::GzipBomb { status, .. }) => (status, String::new()),
                    _ => (200, "{}".to_owned()),
                }
            }
            Err((status, reason)) => {
                note(&mut record, &head.headers, wire);
                record.wrong_key = reason == WRONG_KEY;
                // A success names no error, or it would be none.
                let said = match status {
                    200..=299 => String::new(),
                    _ => serde_json::json!({ "error": reason }).to_string(),
                };
                (status, said)
            }
        };
        let answered = fault != Some(Fault::ResetAfterAccepting);
        record.status = answered.then_some(status);
        state.ledger.requests.push(record);
        let mut answer = Response::new(Bytes::from(said));
        *answer.status_mut() =
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        put(&mut answer, CONTENT_TYPE, "application/json");
        put(&mut answer, DATE, &httpdate::fmt_http_date(now.into()));
        match fault {
            Some(Fault::ResetAfterAccepting) => return SimulatedResponse::Broken,
            Some(Fault::HalfAnswer) => return SimulatedResponse::Half(answer),
            Some(Fault::StalledAnswer) => return SimulatedResponse::Stalled(answer),
            Some(Fault::GzipBomb {
                uncompressed_bytes, ..
            }) => {
                put(&mut answer, CONTENT_ENCODING, "gzip");
                *answer.body_mut() = bomb(uncompressed_bytes);
            }
            Some(Fault::Redirect(to)) => put(&mut answer, LOCATION, &to),
            Some(Fault::Status {
                retry_after, html, ..
            }) => {
                if let Some(wait) = retry_after {
                    put(&mut answer, RETRY_AFTER, &written(wait, now));
                }
                if html {
                    put(&mut answer, CONTENT_TYPE, "text/html; charset=utf-8");
                    *answer.body_mut() = Bytes::from_static(PAGE.as_bytes());
                }
            }
            _ => {}
        }
        SimulatedResponse::Whole(answer)
    }

    /// The entries, or the status and reason of a refusal.
    fn check(&self, state: &State, head: &Parts, wire: &[u8]) -> Result<Singles, (u16, String)> {
        if head.uri.path() != "/logs/v1/singles" {
            return Err((404, "no such path".into()));
        }
        if head.method != Method::POST {
            return Err((405, "POST only".into()));
        }
        let bearer = format!("Bearer {}", state.key.expose());
        let given = head.headers.get(AUTHORIZATION);
        if given.is_none_or(|given| given.as_bytes() != bearer.as_bytes()) {
            return Err((self.settings.wrong_key_status, WRONG_KEY.into()));
        }
        let kind = head.headers.get(CONTENT_TYPE).map(|v| v.as_bytes());
        if !kind.is_some_and(|kind| kind.starts_with(b"application/json")) {
            return Err((415, "not application/json".into()));
        }
        let singles = body::read(&head.headers, wire).map_err(|bad| (400, bad.reason))?;
        if state.max_bytes.is_some_and(|max| singles.plain_bytes > max)
            || state
                .max_entries
                .is_some_and(|max| singles.entries.len() > max)
        {
            return Err((413, "too large".into()));
        }
        let largest = singles.entries.iter().map(|entry| entry.bytes).max();
        if state.max_entry.is_some_and(|max| largest > Some(max)) {
            return Err((413, "an entry is too large".into()));
        }
        if let Some(is_poison) = &state.poison
            && singles.entries.iter().any(|entry| is_poison(&entry.text))
        {
            return Err((400, "poison".into()));
        }
        Ok(singles)
    }

    fn accept(&self, state: &mut State, entries: Vec<Arrival>, now: DateTime<Utc>) {
        let request = state.ledger.requests.len();
        for mut entry in entries {
            entry.request = request;
            entry.id = (self.settings.identity)(&entry.text);
            let limit = self.settings.max_age;
            if entry
                .timestamp
                .zip(limit)
                .is_some_and(|(at, limit)| now - at > limit)
            {
                entry.warnings.push(Warning::TooOld);
            }
            let limit = self.settings.max_entry_bytes;
            if limit.is_some_and(|limit| entry.bytes > limit) {
                entry.warnings.push(Warning::TooBig);
            }
            let entry = Arc::new(entry);
            #[cfg(feature = "query")]
            state.query.store(&entry, now);
            state.ledger.entries.push(entry);
        }
    }
}

fn record(wire: &[u8], status: Option<u16>) -> RecordedRequest {
    let mut hasher = DefaultHasher::new();
    wire.hash(&mut hasher);
    RecordedRequest {
        entries: 0,
        plain_bytes: 0,
        wire_bytes: wire.len(),
        wire_hash: hasher.finish(),
        status,
        accepted: false,
        bad_shape: false,
        empty: false,
        wrong_key: false,
    }
}

fn bomb(uncompressed_bytes: usize) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![0; 64 * 1024];
    let mut left = uncompressed_bytes;
    while left > 0 {
        let some = left.min(zeros.len());
        encoder.write_all(&zeros[..some]).expect(INFALLIBLE);
        left -= some;
    }
    encoder.finish().expect(INFALLIBLE).into()
}

/// Counts the entries and bytes of a refused request.
fn note(record: &mut RecordedRequest, headers: &HeaderMap, wire: &[u8]) {
    match body::read(headers, wire) {
        Ok(singles) => {
            record.entries = singles.entries.len();
            record.plain_bytes = singles.plain_bytes;
        }
        Err(BadBody {
            plain_bytes,
            entries,
            empty,
            ..
        }) => {
            record.entries = entries;
            record.plain_bytes = plain_bytes;
            record.empty = empty;
            record.bad_shape = !empty;
        }
    }
}

pub(super) fn written(wait: RetryAfter, now: DateTime<Utc>) -> String {
    match wait {
        RetryAfter::Seconds(seconds) => seconds.to_string(),
        RetryAfter::Date(after) => httpdate::fmt_http_date((now + delta(after)).into()),
    }
}

pub(super) fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::zero())
}

/// Sets a header that a test scripted; an invalid value is left out.
pub(super) fn put(answer: &mut Response<Bytes>, name: http::HeaderName, value: &str) {
    if let Ok(value) = value.parse() {
        answer.headers_mut().insert(name, value);
    }
}
