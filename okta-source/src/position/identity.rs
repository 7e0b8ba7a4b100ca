//! The identity of a checkpoint: the way of reading, the org, and the query.

use std::ops::Range;

use chrono::{DateTime, SecondsFormat, Utc};
use okta_coralogix_core::checkpoint::Checkpoint;
use okta_coralogix_core::text::{quote, sanitize};
use okta_coralogix_core::{Error, ErrorKind, Result};

use super::cursor::Cursor;
use crate::api::org_url::OrgUrl;
use crate::api::query::Query;

const POLLING: &str = "okta-system-log";
const BACKFILL: &str = "okta-system-log-backfill";

/// The identity of a checkpoint: way of reading, org and query, as a text with a space between them.
///
/// The query is kept as it is, no hash of it: a message can then name the change, and two queries never collide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    org: OrgUrl,
    text: String,
    /// The length of the part before the query.
    prefix: usize,
    is_bounded: bool,
}

/// How the identity of a stored record compares.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    Same,
    /// The same org, read in the same way, but other events of it.
    OtherQuery,
    Foreign,
}

impl Identity {
    /// For polling an org, or for a range of it. The range is a part of the query.
    pub(crate) fn of(org: &OrgUrl, query: &Query, range: Option<&Range<DateTime<Utc>>>) -> Self {
        let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true);
        let text = serde_json::to_string(query).unwrap_or_default();
        let (way, query) = match range {
            None if query.is_all() => (POLLING, String::new()),
            None => (POLLING, text),
            Some(range) => {
                let query = format!("{}/{} {text}", time(range.start), time(range.end));
                (BACKFILL, query)
            }
        };
        let prefix = format!("{way} {org}");
        Self {
            org: org.clone(),
            text: format!("{prefix} {query}").trim_end().to_owned(),
            prefix: prefix.len(),
            is_bounded: range.is_some(),
        }
    }

    pub(crate) fn org(&self) -> &OrgUrl {
        &self.org
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// That of the record's query, if the record is of polling this org.
    pub(crate) fn of_record(org: &OrgUrl, record: &Checkpoint) -> Result<(Self, Query)> {
        let all = Self::of(org, &Query::default(), None);
        if all.relation(&record.identity) == Relation::Foreign {
            all.matches(&record.identity)?;
        }
        let (_, text) = record.identity.split_at(all.prefix);
        let query = match text.trim_start() {
            "" => Query::default(),
            text => serde_json::from_str(text).map_err(|error| {
                let detail = format!("the query in the checkpoint cannot be read: {error}");
                Error::new(ErrorKind::Corrupt, detail)
            })?,
        };
        Ok((Self::of(org, &query, None), query))
    }

    /// True if a record of this identity is that of a bounded range.
    pub(crate) fn is_of_range(identity: &str) -> bool {
        identity.split(' ').next() == Some(BACKFILL)
    }

    /// Compares with the identity of a record.
    pub(crate) fn relation(&self, other: &str) -> Relation {
        if other == self.text {
            return Relation::Same;
        }
        let (prefix, _) = self.text.split_at(self.prefix);
        match other.strip_prefix(prefix) {
            Some(query) if query.is_empty() || query.starts_with(' ') => Relation::OtherQuery,
            _ => Relation::Foreign,
        }
    }

    /// Makes a record of the org as it was called `before` one of this org. Others stay as they are.
    pub(crate) fn rename(&self, record: &mut Checkpoint, before: &OrgUrl) {
        let (prefix, _) = self.text.split_at(self.prefix);
        let way = prefix.strip_suffix(self.org.as_str()).unwrap_or(prefix);
        let query = record.identity.strip_prefix(&format!("{way}{before}"));
        let query = query.filter(|query| query.is_empty() || query.starts_with(' '));
        let Some(query) = query.filter(|_| *before != self.org) else {
            return;
        };
        tracing::info!(
            %before,
            org = %self.org,
            "the checkpoint is that of the org before it was renamed: reading goes on there"
        );
        record.identity = format!("{prefix}{query}");
    }

    /// The cursor in a record.
    ///
    /// # Errors
    /// `Corrupt`, with advice, if the record belongs to another org, query or range, or is invalid.
    pub(crate) fn cursor_of(&self, record: &Checkpoint) -> Result<Cursor> {
        self.matches(&record.identity)?;
        self.cursor(&record.cursor)
    }

    /// A cursor as it is stored.
    ///
    /// # Errors
    /// `Corrupt`, with advice, if it is no link of the org.
    pub(crate) fn cursor(&self, stored: &str) -> Result<Cursor> {
        let cursor = match self.is_bounded && stored == Cursor::end().as_str() {
            true => Some(Cursor::end()),
            false => Cursor::restore(stored, &self.org),
        };
        cursor.ok_or_else(|| {
            Error::new(
                ErrorKind::Corrupt,
                "the position in the checkpoint is no path of the org: move the checkpoint away to start anew",
            )
        })
    }

    fn matches(&self, other: &str) -> Result<()> {
        let (ours, theirs) = (sanitize(&self.text), sanitize(other));
        let detail = match self.relation(other) {
            Relation::Same => return Ok(()),
            Relation::OtherQuery if self.is_bounded => format!(
                "the checkpoint is that of another range or query ({theirs}) than the one that is set now ({ours}), and they must not \
                 be mixed: set the old ones again, or give this range a checkpoint of its own"
            ),
            Relation::OtherQuery => format!(
                "the checkpoint was written with another query ({theirs}) than the one that is set now ({ours}), and they must \
                 not be mixed: set the old one again, or give the new one a checkpoint of its own; where polling goes on, \
                 restart_on_changed_query (--restart-on-changed-query) reads on with it from shortly before the last settled event"
            ),
            Relation::Foreign => {
                let renamed = match self.is_bounded {
                    true => "",
                    false => {
                        "; if it is the same org with a new domain, set renamed_from (--renamed-from) to the domain before"
                    }
                };
                format!(
                    "the checkpoint belongs to {}, not to {}: give each org and each range a checkpoint of its own, or move the old \
                     one away to start anew{renamed}",
                    quote(other),
                    quote(&self.text)
                )
            }
        };
        Err(Error::new(ErrorKind::Corrupt, detail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(org: &str, filter: Option<&str>) -> Identity {
        let query = Query {
            filter: filter.map(str::to_owned),
            q: None,
        };
        Identity::of(&OrgUrl::parse(org).unwrap(), &query, None)
    }

    #[test]
    fn checkpoint_identity_distinguishes_org_query_and_read_mode() {
        let all = identity("example.okta.com", None);
        assert_eq!(all.as_str(), "okta-system-log https://example.okta.com");
        let some = identity("example.okta.com", Some("a pr"));
        let other = identity("example.okta.com", Some("b pr"));
        let longer = identity("example.okta.com:8443", None);
        let elsewhere = identity("other.okta.com", Some("a pr"));
        let org = OrgUrl::parse("example.okta.com").unwrap();
        let range = |days: &str| {
            let (start, end) = days.split_once('/').unwrap();
            let day = |day| format!("2026-11-{day}T00:00:00Z").parse().unwrap();
            Identity::of(&org, &Query::default(), Some(&(day(start)..day(end))))
        };
        let (backfill, next) = (range("01/02"), range("02/03"));
        for (one, two, relation) in [
            (&all, &all, Relation::Same),
            (&some, &some, Relation::Same),
            (&all, &some, Relation::OtherQuery),
            (&some, &all, Relation::OtherQuery),
            (&some, &other, Relation::OtherQuery),
            (&backfill, &next, Relation::OtherQuery),
            (&all, &longer, Relation::Foreign),
            (&longer, &all, Relation::Foreign),
            (&some, &elsewhere, Relation::Foreign),
            (&all, &backfill, Relation::Foreign),
            (&backfill, &all, Relation::Foreign),
        ] {
            assert_eq!(one.relation(two.as_str()), relation, "{one:?} and {two:?}");
            assert_eq!(
                one.matches(two.as_str()).is_ok(),
                relation == Relation::Same
            );
        }
    }

    #[test]
    fn changed_query_error_names_both_queries_and_the_remedies() {
        let error = identity("example.okta.com", Some("a pr"))
            .matches(identity("example.okta.com", Some("b \u{202e}pr")).as_str())
            .unwrap_err();
        for part in [
            "a pr",
            "b \\u{202e}pr",
            "restart_on_changed_query",
            "checkpoint of its own",
        ] {
            assert!(error.detail().contains(part), "{error}");
        }
    }

    #[test]
    fn range_has_no_advice_that_is_for_polling() {
        let range = |org: &str, day: &str| {
            let start: DateTime<Utc> = format!("2026-11-{day}T00:00:00Z").parse().unwrap();
            let range = start..start + chrono::TimeDelta::days(1);
            Identity::of(
                &OrgUrl::parse(org).unwrap(),
                &Query::default(),
                Some(&range),
            )
        };
        let ours = range("example.okta.com", "01");
        for other in [
            range("example.okta.com", "02"),
            range("other.okta.com", "01"),
        ] {
            let error = ours.matches(other.as_str()).unwrap_err();
            assert!(error.detail().contains("checkpoint of its own"), "{error}");
            for setting in ["restart_on_changed_query", "renamed_from"] {
                assert!(!error.detail().contains(setting), "{error}");
            }
        }
    }

    #[test]
    fn another_identity_is_quoted_with_its_quotes_escaped() {
        let stored = format!("other\" \n{}", "x".repeat(1_000));
        let ours = identity("example.okta.com", None);
        let error = ours.matches(&stored).unwrap_err();
        let quoted = "belongs to \"other\\\" \\nxxx";
        assert!(error.detail().contains(quoted), "{error}");
        assert!(error.detail().contains("x\"…, not to"), "{error}");
        assert!(error.detail().len() < 600, "{error}");
    }
}
