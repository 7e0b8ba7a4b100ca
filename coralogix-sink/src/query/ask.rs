//! One query, repeated where that may help, and what its answer is worth.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Request};
use okta_coralogix_core::internal::Backoff;
use okta_coralogix_core::internal::exchange::{exchange, is_complete};
use okta_coralogix_core::internal::text::seconds;
use okta_coralogix_core::text::sanitize;
use okta_coralogix_core::{Error, ErrorKind, Result, RetryHint};
use tokio::time::{Instant, sleep};

use super::answer::{Answer, Doubt, Unproven};
use super::client::QueryClient;
use super::lines::{self, Lines};
use super::rows::Rows;
use super::slice::{self, TimeSlice};
use super::status::{self, Failure};

impl QueryClient {
    /// Asks for less than `limit` rows, until there is an answer or asking again cannot help.
    pub(super) async fn ask<R: Rows>(
        &self,
        query: &str,
        slice: TimeSlice,
        limit: u64,
    ) -> Result<Answer<R>> {
        let body = self.body(query, slice, limit);
        let counters = &self.counters;
        let number = counters.queries.load(Ordering::Relaxed);
        let mut backoff = Backoff::new(
            self.settings.backoff,
            self.settings.seed.wrapping_add(number),
        );
        let began = Instant::now();
        let unproven = |query_id, doubts| {
            counters.unproven.fetch_add(1, Ordering::Relaxed);
            Ok(Answer::Unproven(Unproven::new(slice, query_id, doubts)))
        };
        let mut is_repeated = false;
        loop {
            let retry = match self.attempt::<R>(&body, limit).await {
                Ok((rows, query_id, doubts)) => {
                    if doubts.is_empty() {
                        return Ok(Answer::Proven(rows));
                    }
                    if is_repeated || !doubts.iter().all(Doubt::may_pass_by_itself) {
                        return unproven(query_id, doubts);
                    }
                    is_repeated = true;
                    RetryHint::Backoff
                }
                Err(Failure {
                    doubt: Some(doubt), ..
                }) if is_repeated || matches!(doubt, Doubt::TooLong(_)) => {
                    return unproven(None, vec![doubt]);
                }
                Err(Failure { error, doubt }) => {
                    is_repeated |= doubt.is_some();
                    let is_late = began.elapsed() >= self.settings.give_up_after;
                    match error.retry() {
                        RetryHint::Never => return Err(error),
                        _ if is_late => return Err(self.gave_up(&error, began.elapsed())),
                        retry => retry,
                    }
                }
            };
            counters.retries.fetch_add(1, Ordering::Relaxed);
            sleep(backoff.next(retry).unwrap_or_default()).await;
        }
    }

    fn gave_up(&self, error: &Error, after: Duration) -> Error {
        let detail = format!("{}; it was asked for {}", error.detail(), seconds(after));
        Error::new(error.kind(), detail)
    }

    /// Asks once: the rows, the id of the query, and what speaks against the answer.
    async fn attempt<R: Rows>(
        &self,
        body: &Bytes,
        limit: u64,
    ) -> Result<(R, Option<String>, Vec<Doubt>), Failure> {
        let key = self.key.get();
        let mut request = Request::post(self.endpoint.query_url().clone())
            .body(body.clone())
            .expect("the URL was checked when the endpoint was made");
        let agent = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));
        request.headers_mut().extend([
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (USER_AGENT, HeaderValue::from_static(agent)),
            (AUTHORIZATION, key.header.clone()),
        ]);
        let response = {
            let _turn = self.pace.turn().await;
            self.counters.queries.fetch_add(1, Ordering::Relaxed);
            exchange(&*self.transport, request, self.settings.limits).await
        };
        let response = response.map_err(|error| status::no_answer(&error, &self.service))?;
        if let Err(failure) = status::check(&response, &self.service, &key.key) {
            let is_refusal = matches!(
                failure.error.kind(),
                ErrorKind::Unauthorized | ErrorKind::Forbidden
            );
            return match is_refusal && self.key.reload(&key).await {
                true => Err(failure
                    .error
                    .with_retry(RetryHint::After(Duration::ZERO))
                    .into()),
                false => Err(failure),
            };
        }
        let mut rows = R::default();
        let clean = |text: &str| sanitize(&key.key.redact(text));
        let lines = lines::read(response.body(), &clean, &mut |row| rows.row(row));
        if let Some(text) = &lines.rate_limited {
            return Err(status::rate_limited(text, &self.service).into());
        }
        let is_empty = response.body().trim_ascii().is_empty();
        let is_whole = is_complete(&response);
        let mut doubts = self.judge(&lines, limit, is_empty, is_whole);
        if !is_empty {
            rows.finish(&mut doubts);
        }
        Ok((rows, lines.query_id, doubts))
    }

    /// What speaks against an answer, apart from its rows. Learns from it.
    fn judge(&self, lines: &Lines, limit: u64, is_empty: bool, is_whole: bool) -> Vec<Doubt> {
        let (counters, learned) = (&self.counters, &self.learned);
        counters
            .unknown_lines
            .fetch_add(lines.unknown_lines, Ordering::Relaxed);
        counters
            .deprecations
            .fetch_add(lines.deprecations, Ordering::Relaxed);
        if let Some(cap) = lines.row_cap {
            learned.row_cap.store(cap, Ordering::Relaxed);
        }
        if is_empty {
            return vec![Doubt::Empty];
        }
        let mut doubts = lines.doubts.clone();
        if !is_whole && !doubts.contains(&Doubt::CutOff) {
            doubts.push(Doubt::CutOff);
        }
        if lines.query_id.is_none() {
            doubts.push(Doubt::NoQueryId);
        }
        match &lines.statistics {
            None if learned.sends_statistics.load(Ordering::Relaxed) => {
                doubts.push(Doubt::NoStatistics)
            }
            None => {}
            Some(statistics) => {
                learned.sends_statistics.store(true, Ordering::Relaxed);
                if statistics.status != "COMPLETED" {
                    doubts.push(Doubt::Status(statistics.status.clone()));
                }
                if let Some(announced) = statistics.rows.filter(|rows| *rows != lines.rows) {
                    doubts.push(Doubt::RowCount {
                        announced,
                        read: lines.rows,
                    });
                }
            }
        }
        // Rows may have come in a form that is not known, unless as many were read as were announced.
        let is_counted = lines
            .statistics
            .as_ref()
            .is_some_and(|statistics| statistics.rows.is_some());
        if let Some(kind) = lines.unknown.as_ref().filter(|_| !is_counted) {
            doubts.push(Doubt::UnknownLine(kind.clone()));
        }
        if lines.rows >= limit {
            doubts.push(Doubt::RowLimit(limit));
        }
        doubts
    }

    /// The body of a request. The limit stands here too, since 2,000 rows are returned where none does.
    fn body(&self, query: &str, slice: TimeSlice, limit: u64) -> Bytes {
        let request = serde_json::json!({
            "query": query,
            "metadata": {
                "tier": self.service.tier.wire_name(),
                "syntax": "QUERY_SYNTAX_DATAPRIME",
                "startDate": slice::text(slice.start()),
                "endDate": slice::text(slice.end()),
                "limit": limit,
                "defaultSource": "logs",
                "strictFieldsValidation": false,
            },
        });
        request.to_string().into()
    }
}
