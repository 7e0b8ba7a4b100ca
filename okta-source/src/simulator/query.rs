//! Parses the parameters of a request, and refuses those that a real org refuses.

use std::ops::Range;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use url::form_urlencoded;

use super::filter::{Filter, has_all, keywords};
use super::log::{Log, Slice};

/// A valid request.
#[derive(Debug)]
pub(super) struct Query {
    from: From,
    limit: usize,
    filter: Option<Filter>,
    keywords: Vec<String>,
    /// The parameters of the next link besides the cursor: all but the `since` of a polling request.
    kept: String,
}

#[derive(Debug)]
enum From {
    /// Polling: a position of the log.
    Position(usize),
    /// A bounded request: times, and a cursor.
    Range(Range<DateTime<Utc>>, Option<String>),
}

/// An error code of Okta's and its summary.
pub(super) type Refusal = (&'static str, &'static str);

const AFTER: Refusal = ("E0000001", "Api validation failed: after");

#[derive(Default)]
struct Parameters {
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    after: Option<String>,
    limit: Option<usize>,
    filter: Option<String>,
    q: Option<String>,
}

impl Parameters {
    fn read(query: &str, now: DateTime<Utc>) -> Result<Self, Refusal> {
        let mut read = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "since" => read.since = Some(since(&value, now)?),
                "until" if value.is_empty() => {}
                "until" => {
                    let until = time(&value).ok_or(("E0000001", "Api validation failed: until"))?;
                    read.until = Some(until);
                }
                "after" => read.after = Some(value.into_owned()),
                "limit" => read.limit = Some(page_size(&value)?),
                "filter" => read.filter = Some(value.into_owned()),
                "q" => read.q = Some(value.into_owned()),
                "sortOrder" if value == "ASCENDING" => {}
                "sortOrder" => {
                    let summary =
                        "Api validation failed: sortOrder (the simulator sorts ascending only)";
                    return Err(("E0000001", summary));
                }
                _ => {}
            }
        }
        Ok(read)
    }
}

impl Query {
    pub(super) fn read(query: &str, log: &Log, now: DateTime<Utc>) -> Result<Self, Refusal> {
        let read = Parameters::read(query, now)?;
        let week = TimeDelta::days(7);
        let from = match (read.since, read.until, &read.after) {
            (Some(_), None, Some(_)) => {
                return Err(("E0000063", "Invalid combination of parameters specified."));
            }
            (None, None, Some(after)) => From::Position(log.position(after).ok_or(AFTER)?),
            (since, None, None) => From::Position(log.since(since.unwrap_or(now - week))),
            (since, Some(until), after) => {
                From::Range(since.unwrap_or(until - week)..until, after.clone())
            }
        };
        let limit = read.limit.unwrap_or(100);
        let mut kept = form_urlencoded::Serializer::new(format!("limit={limit}"));
        if let Some(until) = read.until {
            for (name, time) in [("since", read.since), ("until", Some(until))] {
                if let Some(time) = time {
                    kept.append_pair(
                        name,
                        &time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
                    );
                }
            }
            kept.append_pair("sortOrder", "ASCENDING");
        }
        for (name, value) in [("filter", &read.filter), ("q", &read.q)] {
            if let Some(value) = value {
                kept.append_pair(name, value);
            }
        }
        Ok(Self {
            from,
            limit,
            filter: read.filter.as_deref().map(Filter::read).transpose()?,
            keywords: keywords(read.q.as_deref().unwrap_or_default())?,
            kept: kept.finish(),
        })
    }

    /// The same, for no more events than `most`. The next link keeps the limit that was asked for.
    pub(super) fn capped(mut self, most: Option<usize>) -> Self {
        self.limit = most.map_or(self.limit, |most| self.limit.min(most));
        self
    }

    /// The cursor that the request came with, else that of the begin of the log.
    fn cursor(&self, log: &Log) -> String {
        match &self.from {
            From::Range(_, Some(after)) => after.clone(),
            From::Range(_, None) => log.cursor(0),
            From::Position(position) => log.cursor(*position),
        }
    }

    /// The events that are asked for.
    pub(super) fn answer(&self, log: &Log) -> Result<Slice, Refusal> {
        let wanted = |event: &Bytes| self.wants(event);
        match &self.from {
            From::Position(start) => Ok(log.slice(*start, self.limit, &wanted)),
            From::Range(times, after) => log
                .range(times.clone(), after.as_deref(), self.limit, &wanted)
                .ok_or(AFTER),
        }
    }

    /// The query of the link that leads behind a slice; `None`: it ends a bounded range. With a `turn`, that of an empty slice leads to
    /// where it came from by a link that differs each turn, also at the end of a bounded range.
    pub(super) fn next(&self, slice: &Slice, log: &Log, turn: Option<usize>) -> Option<String> {
        let link = |cursor: &str| format!("after={cursor}&{}", self.kept);
        match turn.filter(|_| slice.is_empty()) {
            None => slice.next.as_deref().map(link),
            Some(turn) => {
                let cursor = slice.next.clone().unwrap_or_else(|| self.cursor(log));
                Some(format!("{}&turn={turn}", link(&cursor)))
            }
        }
    }

    fn wants(&self, event: &[u8]) -> bool {
        if self.filter.is_none() && self.keywords.is_empty() {
            return true;
        }
        let event = serde_json::from_slice(event).unwrap_or(Value::Null);
        self.filter
            .as_ref()
            .is_none_or(|filter| filter.matches(&event))
            && has_all(&event, &self.keywords)
    }
}

fn since(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, Refusal> {
    let time = time(text).ok_or(("E0000001", "Api validation failed: since"))?;
    if now.signed_duration_since(time) > TimeDelta::days(180) {
        return Err((
            "E0000053",
            "Invalid filter: since is more than 180 days ago",
        ));
    }
    Ok(time)
}

fn time(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text)
        .ok()
        .map(|time| time.to_utc())
}

fn page_size(text: &str) -> Result<usize, Refusal> {
    text.parse()
        .ok()
        .filter(|limit| *limit <= 1000)
        .ok_or(("E0000001", "Api validation failed: limit"))
}
