//! Handles one query: checks it, evaluates it, and answers in lines.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use okta_coralogix_core::Secret;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::fault::Fault;
use super::super::handler::{PAGE, SimulatedResponse, delta, put, written};
use super::super::ingress::CoralogixSimulator;
use super::account::Priority;
use super::evaluate;
use super::fault::QueryFault;
use super::state::{QueryState, RecordedQuery};
use super::stored::Stored;
use super::syntax;
use crate::query::{Tier, TimeSlice};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QueryBody {
    query: String,
    metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Metadata {
    tier: String,
    syntax: String,
    start_date: DateTime<Utc>,
    end_date: DateTime<Utc>,
    limit: Option<u64>,
    #[serde(rename = "defaultSource")]
    _default_source: Option<String>,
    #[serde(rename = "strictFieldsValidation")]
    _strict: Option<bool>,
}

impl CoralogixSimulator {
    /// Handles one query, from a socket or in memory.
    pub(in crate::simulator) async fn handle_query(
        &self,
        head: &Parts,
        read: impl Future<Output = Option<Bytes>>,
    ) -> SimulatedResponse {
        if self.ingress().state().down {
            return SimulatedResponse::Broken;
        }
        let Some(wire) = read.await else {
            return SimulatedResponse::Broken;
        };
        let now = self.ingress().settings.clock.now();
        let (answer, fault) = {
            let mut state = self.ingress().state();
            let (ingest_key, query) = (state.key.clone(), &mut state.query);
            let fault = query.next.pop_front().or_else(|| query.always.clone());
            let scripted = match &fault {
                Some(QueryFault::Http(Fault::Status { status, .. })) => Some(*status),
                Some(QueryFault::Http(Fault::Redirect(_))) => Some(302),
                _ => None,
            };
            let answered = match scripted {
                Some(status) => Err((status, "scripted".to_owned())),
                None => query.answer(head, &wire, &ingest_key, now),
            };
            let (status, lines) = match answered {
                Ok(lines) => (200, lines),
                Err((status, reason)) => (status, vec![json!({ "message": reason }).to_string()]),
            };
            (respond(status, lines, fault.as_ref(), now), fault)
        };
        match fault {
            Some(QueryFault::Http(Fault::ResetBeforeReading | Fault::ResetAfterAccepting)) => {
                SimulatedResponse::Broken
            }
            Some(QueryFault::Http(Fault::Silence)) => std::future::pending().await,
            Some(QueryFault::Http(Fault::HalfAnswer)) => SimulatedResponse::Half(answer),
            Some(QueryFault::Http(Fault::StalledAnswer)) => SimulatedResponse::Stalled(answer),
            Some(QueryFault::Http(Fault::Slow(wait))) => {
                tokio::time::sleep(wait).await;
                SimulatedResponse::Whole(answer)
            }
            _ => SimulatedResponse::Whole(answer),
        }
    }
}

/// The response with these lines, after the fault has changed them.
fn respond(
    status: u16,
    mut lines: Vec<String>,
    fault: Option<&QueryFault>,
    now: DateTime<Utc>,
) -> Response<Bytes> {
    if let Some(QueryFault::Lines(change)) = fault {
        change(&mut lines);
    }
    let mut body = Vec::new();
    for line in lines {
        body.extend_from_slice(line.as_bytes());
        body.push(b'\n');
    }
    if let Some(QueryFault::Body(change)) = fault {
        body = change(body);
    }
    let mut answer = Response::new(Bytes::from(body));
    *answer.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    put(&mut answer, CONTENT_TYPE, "application/x-ndjson");
    put(
        &mut answer,
        http::header::DATE,
        &httpdate::fmt_http_date(now.into()),
    );
    if let Some(QueryFault::Http(fault)) = fault {
        match fault {
            Fault::Status {
                retry_after, html, ..
            } => {
                if let Some(wait) = retry_after {
                    put(&mut answer, http::header::RETRY_AFTER, &written(*wait, now));
                }
                if *html {
                    put(&mut answer, CONTENT_TYPE, "text/html; charset=utf-8");
                    *answer.body_mut() = Bytes::from_static(PAGE.as_bytes());
                }
            }
            Fault::Redirect(to) => put(&mut answer, http::header::LOCATION, to),
            _ => {}
        }
    }
    if !matches!(fault, Some(QueryFault::Unframed)) {
        let length = answer.body().len();
        answer.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
    answer
}

impl QueryState {
    /// The lines of an answer, or the status and reason of a refusal.
    fn answer(
        &mut self,
        head: &Parts,
        wire: &[u8],
        ingest_key: &Secret,
        now: DateTime<Utc>,
    ) -> Result<Vec<String>, (u16, String)> {
        let answered = self.lines(head, wire, ingest_key, now);
        let body: Option<QueryBody> = serde_json::from_slice(wire).ok();
        self.queries.push(RecordedQuery {
            query: body.map_or_else(String::new, |body| body.query),
            status: Some(
                answered
                    .as_ref()
                    .map_or_else(|(status, _)| *status, |_| 200),
            ),
            rows: answered.as_ref().map_or(0, |(_, rows)| *rows),
        });
        answered.map(|(lines, _)| lines)
    }

    fn lines(
        &mut self,
        head: &Parts,
        wire: &[u8],
        ingest_key: &Secret,
        now: DateTime<Utc>,
    ) -> Result<(Vec<String>, usize), (u16, String)> {
        if head.method != Method::POST {
            return Err((405, "POST only".into()));
        }
        let given = head
            .headers
            .get(AUTHORIZATION)
            .map(|value| value.as_bytes());
        let is_key = |key: &Secret| given == Some(format!("Bearer {}", key.expose()).as_bytes());
        if !is_key(&self.key) {
            let status = if is_key(ingest_key) { 403 } else { 401 };
            return Err((status, "the key may not query".into()));
        }
        self.take_turn()?;
        let body: QueryBody =
            serde_json::from_slice(wire).map_err(|error| (400, error.to_string()))?;
        let query = syntax::parse(&body.query)
            .map_err(|error| (400, format!("Compiler error: {error}")))?;
        let Metadata {
            tier,
            syntax,
            start_date,
            end_date,
            limit,
            ..
        } = body.metadata;
        let tier = match &*tier {
            "TIER_ARCHIVE" => Tier::Archive,
            "TIER_FREQUENT_SEARCH" => Tier::FrequentSearch,
            other => return Err((400, format!("no tier {other}"))),
        };
        if syntax != "QUERY_SYNTAX_DATAPRIME" {
            return Err((400, format!("no syntax {syntax}")));
        }
        let account = &self.account;
        let mut warnings = Vec::new();
        let earliest = account.reaches_back.map(|reach| now - delta(reach));
        let start = earliest.map_or(start_date, |earliest| earliest.max(start_date));
        if start != start_date {
            warnings.push(json!({ "timeRangeWarning": { "warningMessage": "the range was moved", "startDate": start } }));
        }
        let is_readable = tier != Tier::Archive || account.archive;
        if !is_readable {
            warnings.push(json!({ "archiveWarning": { "noMetastoreData": {} } }));
        }
        let delay = delta(account.visible_after);
        let is_seen = |log: &&Stored| {
            is_readable
                && log.arrived + delay <= now
                && (tier == Tier::Archive || log.priority == Priority::High)
                && account
                    .scope
                    .as_deref()
                    .is_none_or(|scope| scope == log.application())
        };
        let slice = TimeSlice::new(start, end_date.max(start + TimeDelta::nanoseconds(1)))
            .map_err(|error| (400, error.to_string()))?;
        let mut evaluated = evaluate::rows(&query, self.store.within(slice).filter(is_seen));
        if let Some(path) = evaluated.unknown_path {
            let message = format!("keypath does not exist '$d.{}'", path.names.join("."));
            warnings.push(json!({ "compileWarning": { "warningMessage": message } }));
        }
        let hard = account.max_rows.unwrap_or_else(|| tier.max_rows().into());
        let unasked = if limit.is_none() && query.limit.is_none() {
            2_000
        } else {
            u64::MAX
        };
        let cap = hard.min(unasked);
        evaluated.rows.truncate(
            query
                .limit
                .unwrap_or(u64::MAX)
                .min(limit.unwrap_or(u64::MAX))
                .try_into()
                .unwrap_or(usize::MAX),
        );
        if evaluated.rows.len() as u64 > cap {
            evaluated
                .rows
                .truncate(cap.try_into().unwrap_or(usize::MAX));
            if account.warns_at_limits {
                warnings.push(
                    json!({ "numberOfResultsLimitWarning": { "numberOfResultsLimit": cap } }),
                );
            }
        }
        let rows = evaluated.rows.len();
        Ok((self.format(&evaluated.rows, warnings), rows))
    }

    fn take_turn(&mut self) -> Result<(), (u16, String)> {
        let now = Instant::now();
        self.starts
            .retain(|start| now - *start < Duration::from_secs(60));
        if self.starts.len() >= self.account.queries_per_minute {
            return Err((429, "too many queries".into()));
        }
        self.starts.push_back(now);
        Ok(())
    }

    fn format(&self, rows: &[Value], warnings: Vec<Value>) -> Vec<String> {
        let id = format!("simulated-{}", self.queries.len());
        let mut lines = vec![json!({ "queryId": { "queryId": id } })];
        let count = rows.len();
        for rows in rows.chunks(self.account.rows_per_line.max(1)) {
            let results: Vec<_> = rows
                .iter()
                .map(|row| json!({ "metadata": [], "labels": [], "userData": row.to_string() }))
                .collect();
            lines.push(json!({ "result": { "results": results } }));
        }
        lines.extend(
            warnings
                .into_iter()
                .map(|warning| json!({ "warning": warning })),
        );
        if self.account.statistics {
            lines.push(json!({ "statistics": { "status": "COMPLETED", "outputRowCount": count.to_string() } }));
        }
        lines.iter().map(Value::to_string).collect()
    }
}
