//! Scripted faults of queries.

use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};

use super::super::fault::Fault;

type ChangeLines = dyn Fn(&mut Vec<String>) + Send + Sync;
type ChangeBody = dyn Fn(Vec<u8>) -> Vec<u8> + Send + Sync;

/// A fault of one query.
#[derive(Clone)]
#[non_exhaustive]
pub enum QueryFault {
    /// A fault of HTTP; `ResetAfterAccepting` breaks the connection in place of the answer.
    Http(Fault),
    /// Changes the lines of the answer.
    Lines(Arc<ChangeLines>),
    /// Changes the bytes of the answer, which ends as HTTP demands all the same.
    Body(Arc<ChangeBody>),
    /// Answers without anything that shows where the body ends. In memory only.
    Unframed,
}

impl QueryFault {
    /// Changes the lines of the answer.
    pub fn lines(change: impl Fn(&mut Vec<String>) + Send + Sync + 'static) -> Self {
        Self::Lines(Arc::new(change))
    }

    /// Changes the bytes of the answer.
    pub fn body(change: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::Body(Arc::new(change))
    }

    /// A 200 with nothing in it.
    #[must_use]
    pub fn empty() -> Self {
        Self::body(|_| Vec::new())
    }

    /// The answer ends behind so many bytes.
    #[must_use]
    pub fn cut_at(bytes: usize) -> Self {
        Self::body(move |mut body| {
            body.truncate(bytes);
            body
        })
    }

    /// One more line, at the end or before the statistics.
    #[must_use]
    pub fn line(line: &Value) -> Self {
        let line = line.to_string();
        Self::lines(move |lines| {
            let place = lines.iter().position(|line| is_kind(line, "statistics"));
            lines.insert(place.unwrap_or(lines.len()), line.clone());
        })
    }

    /// A warning.
    #[must_use]
    pub fn warning(kind: &str, detail: &Value) -> Self {
        Self::line(&json!({ "warning": { kind: detail } }))
    }

    /// An error behind the rows, and no statistics.
    #[must_use]
    pub fn error(message: &str) -> Self {
        let line = json!({ "error": { "message": message } }).to_string();
        Self::lines(move |lines| {
            lines.retain(|line| !is_kind(line, "statistics"));
            lines.push(line.clone());
        })
    }

    /// An error in a 200: the rate limit.
    #[must_use]
    pub fn rate_limit_line() -> Self {
        let line = json!({ "error": { "message": "rate limit reached", "code": { "rateLimitReached": {} } } });
        Self::lines(move |lines| *lines = vec![line.to_string()])
    }

    /// The lines of this kind are left out.
    #[must_use]
    pub fn without(kind: &'static str) -> Self {
        Self::lines(move |lines| lines.retain(|line| !is_kind(line, kind)))
    }

    /// The statistics say this in place of `COMPLETED`.
    #[must_use]
    pub fn status(status: &str) -> Self {
        let status = format!("\"{status}\"");
        Self::lines(move |lines| {
            for line in lines {
                *line = line.replace("\"COMPLETED\"", &status);
            }
        })
    }
}

fn is_kind(line: &str, kind: &str) -> bool {
    let line: Value = serde_json::from_str(line).unwrap_or_default();
    line.get(kind).is_some()
}

impl fmt::Debug for QueryFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(fault) => f.debug_tuple("Http").field(fault).finish(),
            Self::Lines(_) => f.write_str("Lines"),
            Self::Body(_) => f.write_str("Body"),
            Self::Unframed => f.write_str("Unframed"),
        }
    }
}
