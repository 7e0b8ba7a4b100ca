//! What a request asks for, and what a real org would refuse.

use chrono::{DateTime, TimeDelta, Utc};
use url::form_urlencoded;

use super::log::Log;

/// A polling request that was understood.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) start: usize,
    pub(super) limit: usize,
    /// `limit` and `filter` go into the next link, `since` does not.
    pub(super) kept: String,
}

/// An error code of Okta's and its summary.
pub(super) type Refusal = (&'static str, &'static str);

impl Query {
    pub(super) fn read(query: &str, log: &Log, now: DateTime<Utc>) -> Result<Self, Refusal> {
        let (mut since, mut after, mut limit, mut filter) = (None, None, 100, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "since" => since = Some(time(&value, now)?),
                "after" => after = Some(value),
                "limit" => limit = page_size(&value)?,
                "filter" => filter = Some(value),
                "sortOrder" if value == "ASCENDING" => {}
                "sortOrder" => {
                    return Err((
                        "E0000001",
                        "Api validation failed: sortOrder (the simulator polls only)",
                    ));
                }
                "until" if value.is_empty() => {}
                "until" => {
                    return Err((
                        "E0000001",
                        "Api validation failed: until (the simulator polls only)",
                    ));
                }
                _ => {}
            }
        }
        let start = match (since, after) {
            (Some(_), Some(_)) => {
                return Err(("E0000063", "Invalid combination of parameters specified."));
            }
            (None, Some(after)) => log
                .position(&after)
                .ok_or(("E0000001", "Api validation failed: after"))?,
            (Some(since), None) => log.since(since),
            (None, None) => log.since(now - TimeDelta::days(7)),
        };
        let mut kept = form_urlencoded::Serializer::new(format!("limit={limit}"));
        if let Some(filter) = filter {
            kept.append_pair("filter", &filter);
        }
        Ok(Self {
            start,
            limit,
            kept: kept.finish(),
        })
    }
}

fn time(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, Refusal> {
    let time = DateTime::parse_from_rfc3339(text)
        .map_err(|_| ("E0000001", "Api validation failed: since"))?
        .to_utc();
    if now.signed_duration_since(time) > TimeDelta::days(180) {
        return Err((
            "E0000053",
            "Invalid filter: since is more than 180 days ago",
        ));
    }
    Ok(time)
}

fn page_size(text: &str) -> Result<usize, Refusal> {
    text.parse()
        .ok()
        .filter(|limit| *limit <= 1000)
        .ok_or(("E0000001", "Api validation failed: limit"))
}
