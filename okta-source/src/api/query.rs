//! The parameters `filter` and `q` of a request.

use okta_coralogix_core::{Error, Result};
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

/// Keywords of `q`, and characters of one, before they are encoded. (Okta developer docs, "System Log query", 2026.)
const MAX_KEYWORDS: usize = 10;
const MAX_KEYWORD_CHARS: usize = 40;

/// The longest filter, in bytes of the URL: the `next` link repeats it.
const MAX_FILTER_BYTES: usize = 6 << 10;

/// The parameters besides the time. Part of the identity of a checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) filter: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) q: Option<String>,
}

impl Query {
    /// Okta validates the filter; only the limits of `q` are checked here.
    ///
    /// # Errors
    /// `Config`, which names `filter` or `q` and the valid values.
    pub(crate) fn validate(&self) -> Result<()> {
        if let Some(filter) = &self.filter {
            if filter.trim().is_empty() {
                let what = "is empty; write a SCIM expression such as severity eq \"WARN\", or leave it out";
                return Err(Error::config("filter", what));
            }
            let length = encoded(filter).len();
            if length > MAX_FILTER_BYTES {
                let what = format!(
                    "is {length} bytes long as part of a URL, and at most {MAX_FILTER_BYTES} are carried; write a shorter one"
                );
                return Err(Error::config("filter", what));
            }
        }
        let Some(q) = &self.q else { return Ok(()) };
        let keywords: Vec<_> = q.split_whitespace().collect();
        if keywords.is_empty() {
            let what =
                "is empty; write up to 10 keywords with spaces between them, or leave it out";
            return Err(Error::config("q", what));
        }
        if keywords.len() > MAX_KEYWORDS {
            let what = format!(
                "has {} keywords, and Okta takes {MAX_KEYWORDS}; write fewer, or a filter",
                keywords.len()
            );
            return Err(Error::config("q", what));
        }
        let length = |keyword: &&&str| keyword.chars().count();
        if let Some(keyword) = keywords
            .iter()
            .find(|keyword| length(keyword) > MAX_KEYWORD_CHARS)
        {
            let what = format!(
                "has a keyword of {} characters, and Okta takes {MAX_KEYWORD_CHARS}; write a shorter one, or a filter",
                length(&keyword)
            );
            return Err(Error::config("q", what));
        }
        Ok(())
    }

    /// The parameters to append to a URL; empty for all events.
    pub(crate) fn parameters(&self) -> String {
        [("filter", &self.filter), ("q", &self.q)]
            .into_iter()
            .filter_map(|(name, value)| Some(format!("&{name}={}", encoded(value.as_deref()?))))
            .collect()
    }

    /// True if all events match.
    pub(crate) fn is_all(&self) -> bool {
        *self == Self::default()
    }
}

/// Percent-encoded, a space as `%20`, which every server reads alike.
fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(filter: Option<&str>, q: Option<&str>) -> Query {
        Query {
            filter: filter.map(str::to_owned),
            q: q.map(str::to_owned),
        }
    }

    #[test]
    fn query_q_limits_are_checked_before_any_request() {
        let ten = vec!["x".repeat(40); 10].join("  ");
        for good in ["ann", "ann smith", "é".repeat(40).as_str(), &ten] {
            query(None, Some(good)).validate().unwrap();
        }
        for (wrong, instead) in [
            ("", "leave it out"),
            (" \t", "leave it out"),
            ("a b c d e f g h i j k", "write fewer"),
            (&format!("ann {}", "x".repeat(41)), "write a shorter one"),
        ] {
            let error = query(None, Some(wrong)).validate().unwrap_err();
            assert!(error.detail().starts_with("q: "), "{error}");
            assert!(error.detail().contains(instead), "{error}");
        }
    }

    #[test]
    fn filter_is_checked_only_for_blankness_and_length() {
        query(Some("whatever [the] org makes of it"), None)
            .validate()
            .unwrap();
        for (wrong, instead) in [
            ("  ", "leave it out"),
            (&"\"".repeat(2_100), "a shorter one"),
        ] {
            let error = query(Some(wrong), None).validate().unwrap_err();
            assert!(error.detail().starts_with("filter: "), "{error}");
            assert!(error.detail().contains(instead), "{error}");
        }
    }

    #[test]
    fn query_text_is_escaped_within_its_parameter() {
        let query = query(Some("a eq \"b&limit=1#+%20\" or c pr"), Some("ann & bob"));
        let parameters = query.parameters();
        assert!(
            parameters.starts_with("&filter=a%20eq%20%22b%26limit"),
            "{parameters}"
        );
        let read: Vec<_> = form_urlencoded::parse(parameters.as_bytes()).collect();
        assert_eq!(
            read,
            [
                ("filter".into(), "a eq \"b&limit=1#+%20\" or c pr".into()),
                ("q".into(), "ann & bob".into())
            ]
        );
        assert_eq!(Query::default().parameters(), "");
    }
}
