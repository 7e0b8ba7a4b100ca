//! The event pattern of the rule: which events go to the target.

use std::fmt;

use serde_json::{Value, json};

use super::SetupError;

/// An EventBridge event pattern for Okta's events. `Display` writes its JSON.
///
/// It matches on the source and, if asked, on the event types. Never on `detail-type`, which Okta's documents and users spell in several ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPattern(Value);

impl EventPattern {
    /// Every event of every Okta log stream.
    #[must_use]
    pub fn all() -> Self {
        Self(json!({"source": [{"prefix": "aws.partner/okta.com/"}]}))
    }

    /// Events of these types only. A type that ends in `.*` stands for all that begin so: `user.authentication.*`.
    ///
    /// # Errors
    /// [`SetupError`] if there is none, or one that is no event type.
    pub fn of_types<T: AsRef<str>>(types: impl IntoIterator<Item = T>) -> Result<Self, SetupError> {
        let mut values = Vec::new();
        for name in types {
            let name = name.as_ref();
            let (stem, value) = match name.strip_suffix('*') {
                Some(stem) if stem.ends_with('.') => {
                    (stem.trim_end_matches('.'), json!({"prefix": stem}))
                }
                Some(stem) => (stem, Value::Null),
                None => (name, json!(name)),
            };
            let in_word = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
            let is_word = |word: &str| !word.is_empty() && word.bytes().all(in_word);
            if value.is_null() || !stem.split('.').all(is_word) {
                let what = format!(
                    "{name:?} is no event type; write one such as `user.session.start`, or `user.session.*`"
                );
                return Err(SetupError::new("event type", what));
            }
            values.push(value);
        }
        if values.is_empty() {
            let what = "none is given; for all events use the pattern of all";
            return Err(SetupError::new("event type", what));
        }
        let mut pattern = Self::all();
        pattern.0["detail"] = json!({"eventType": values});
        Ok(pattern)
    }

    /// The pattern as JSON.
    #[must_use]
    pub fn json(&self) -> &Value {
        &self.0
    }
}

impl fmt::Display for EventPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether EventBridge would match: every key of the pattern must be there, and be, or begin like, one of its values.
    fn matches(pattern: &Value, event: &Value) -> bool {
        match pattern {
            Value::Object(keys) => keys
                .iter()
                .all(|(key, pattern)| event.get(key).is_some_and(|value| matches(pattern, value))),
            Value::Array(choices) => choices.iter().any(|choice| match choice.get("prefix") {
                Some(Value::String(prefix)) => event
                    .as_str()
                    .is_some_and(|text| text.starts_with(prefix.as_str())),
                _ => choice == event,
            }),
            _ => false,
        }
    }

    fn event(source: &str, event_type: &str) -> Value {
        json!({"source": source, "detail-type": "whatever", "detail": {"eventType": event_type}})
    }

    #[test]
    fn the_pattern_of_all_takes_every_okta_stream_and_nothing_else() {
        let pattern = EventPattern::all();
        let takes = |source| matches(pattern.json(), &event(source, "user.session.start"));
        assert!(takes("aws.partner/okta.com/acme/audit"));
        assert!(takes("aws.partner/okta.com/other/x"));
        for source in [
            "aws.partner/auth0.com/acme",
            "okta.com",
            "aws.partner/okta.com.evil/acme",
            "",
        ] {
            assert!(!takes(source), "{source}");
        }
        assert!(!matches(pattern.json(), &json!({"detail": {}})));
    }

    #[test]
    fn a_pattern_of_types_takes_these_types() {
        let pattern = EventPattern::of_types(["user.session.start", "policy.*"]).unwrap();
        let takes = |name| {
            matches(
                pattern.json(),
                &event("aws.partner/okta.com/acme/audit", name),
            )
        };
        assert!(takes("user.session.start"));
        assert!(takes("policy.evaluate_sign_on") && takes("policy.lifecycle.create"));
        assert!(!takes("user.session.start2") && !takes("user.session") && !takes("policyx"));
        assert!(!matches(
            pattern.json(),
            &event("custom", "user.session.start")
        ));
    }

    #[test]
    fn what_is_no_event_type_is_refused() {
        for name in [
            "",
            "*",
            "user..start",
            "user session",
            ".*",
            "user*",
            "user.*.start",
            "a\"b",
        ] {
            assert!(EventPattern::of_types([name]).is_err(), "{name}");
        }
        assert!(EventPattern::of_types::<&str>([]).is_err());
    }
}
