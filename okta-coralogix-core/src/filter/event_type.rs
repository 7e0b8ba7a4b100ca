//! A filter by event type.

use chrono::{DateTime, Utc};

use super::{DropReason, EventFilter};
use crate::{Error, RawEvent, Result};

/// Keeps or drops events by their type: exact names, or prefixes written with a `*` at the end (`user.session.*`).
///
/// An event is kept if it matches nothing in `deny`, and something in `allow` or `allow` is empty. An event without an
/// `eventType` matches nothing. Names are case-sensitive, as Okta's are.
///
/// ```
/// use okta_coralogix_core::filter::EventTypeFilter;
///
/// let filter = EventTypeFilter::new(["user.*"], ["user.session.end"])?;
/// assert!(filter.allows("user.session.start"));
/// assert!(!filter.allows("user.session.end"));
/// # Ok::<(), okta_coralogix_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventTypeFilter {
    allow: Vec<Pattern>,
    deny: Vec<Pattern>,
}

/// An event type, or all that begin so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pattern {
    Exact(String),
    Prefix(String),
}

impl EventTypeFilter {
    /// A filter from two lists of names and prefixes.
    ///
    /// # Errors
    /// `Config` if a pattern is empty, or has a `*` anywhere but at its end.
    pub fn new<A: Into<String>, D: Into<String>>(
        allow: impl IntoIterator<Item = A>,
        deny: impl IntoIterator<Item = D>,
    ) -> Result<Self> {
        Ok(Self {
            allow: allow
                .into_iter()
                .map(|p| Pattern::parse("allow", p.into()))
                .collect::<Result<_>>()?,
            deny: deny
                .into_iter()
                .map(|p| Pattern::parse("deny", p.into()))
                .collect::<Result<_>>()?,
        })
    }

    /// True if events of this type are kept.
    #[must_use]
    pub fn allows(&self, event_type: &str) -> bool {
        let matches = |patterns: &[Pattern]| patterns.iter().any(|p| p.matches(event_type));
        !matches(&self.deny) && (self.allow.is_empty() || matches(&self.allow))
    }
}

impl Pattern {
    /// # Errors
    /// `Config`, in the name of the setting `list`.
    pub(crate) fn parse(list: &str, text: String) -> Result<Self> {
        let wrong = |what| {
            Err(Error::config(
                list,
                format!("event type pattern {text:?} {what}"),
            ))
        };
        match text.split_once('*') {
            _ if text.trim().is_empty() => wrong("is empty"),
            None => Ok(Self::Exact(text)),
            Some((prefix, "")) => Ok(Self::Prefix(prefix.to_owned())),
            Some(_) => wrong("may have a `*` only at its end"),
        }
    }

    pub(crate) fn matches(&self, event_type: &str) -> bool {
        match self {
            Self::Exact(name) => name == event_type,
            Self::Prefix(prefix) => event_type.starts_with(prefix),
        }
    }
}

impl EventFilter for EventTypeFilter {
    fn check(&self, event: &RawEvent, _: DateTime<Utc>) -> Option<DropReason> {
        let kept = match event.event_type() {
            Some(event_type) => self.allows(&event_type),
            None => self.allow.is_empty(),
        };
        (!kept).then_some(DropReason::Filtered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deny_wins_over_allow_and_an_empty_allow_takes_all() {
        let none: [&str; 0] = [];
        let deny = EventTypeFilter::new(none, ["system.*"]).unwrap();
        assert!(deny.allows("user.session.start"));
        assert!(!deny.allows("system.org.rate_limit.warning"));
        let both = EventTypeFilter::new(["user.session.start", "app.*"], ["app.oauth2.*"]).unwrap();
        assert!(both.allows("user.session.start"));
        assert!(!both.allows("user.session.start.more"));
        assert!(!both.allows("app.oauth2.token.grant"));
        assert!(both.allows("app.generic"));
    }

    #[test]
    fn event_type_filter_refuses_invalid_patterns() {
        for pattern in ["", "  ", "*.start", "a.*.b"] {
            assert!(
                EventTypeFilter::new([pattern], [""; 0]).is_err(),
                "{pattern:?}"
            );
        }
    }
}
