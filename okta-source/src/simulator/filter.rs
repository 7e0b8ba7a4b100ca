//! `filter` and `q` as an org understands them: enough of SCIM to tell good expressions from bad ones and to apply them.

use serde_json::Value;

use super::query::Refusal;

/// The attributes that a path of a filter may begin with.
const ATTRIBUTES: [&str; 19] = [
    "actor",
    "authenticationContext",
    "client",
    "debugContext",
    "device",
    "displayMessage",
    "eventType",
    "legacyEventType",
    "outcome",
    "published",
    "request",
    "rootSessionId",
    "securityContext",
    "severity",
    "target",
    "transaction",
    "uuid",
    "version",
    "insertionTimestamp",
];

const INVALID: Refusal = ("E0000053", "Invalid filter");
const SEARCH: Refusal = ("E0000031", "Invalid search criteria.");

/// A parsed expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Filter {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Compare(String, &'static str, Value),
}

const OPERATORS: [&str; 10] = ["eq", "ne", "gt", "ge", "lt", "le", "sw", "ew", "co", "pr"];

impl Filter {
    pub(super) fn read(text: &str) -> Result<Self, Refusal> {
        let mut rest = words(text)?;
        rest.reverse();
        let filter = any(&mut rest)?;
        rest.is_empty().then_some(filter).ok_or(INVALID)
    }

    pub(super) fn matches(&self, event: &Value) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(event)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(event)),
            Self::Not(part) => !part.matches(event),
            Self::Compare(path, operator, value) => {
                let found = at(event, path);
                match *operator {
                    "ne" => !found.iter().any(|found| holds("eq", found, value)),
                    operator => found.iter().any(|found| holds(operator, found, value)),
                }
            }
        }
    }
}

fn holds(operator: &str, found: &Value, value: &Value) -> bool {
    let text = |value: &Value| value.as_str().map(str::to_lowercase);
    let order = match (found.as_f64(), value.as_f64()) {
        (Some(found), Some(value)) => found.partial_cmp(&value),
        _ => text(found)
            .zip(text(value))
            .map(|(found, value)| found.cmp(&value)),
    };
    let part = |is: fn(&str, &str) -> bool| {
        text(found)
            .zip(text(value))
            .is_some_and(|(found, value)| is(&found, &value))
    };
    match operator {
        "pr" => !found.is_null(),
        "eq" => found == value || order.is_some_and(|order| order.is_eq()),
        "gt" => order.is_some_and(|order| order.is_gt()),
        "ge" => order.is_some_and(|order| order.is_ge()),
        "lt" => order.is_some_and(|order| order.is_lt()),
        "le" => order.is_some_and(|order| order.is_le()),
        "sw" => part(|found, value| found.starts_with(value)),
        "ew" => part(|found, value| found.ends_with(value)),
        _ => part(|found, value| found.contains(value)),
    }
}

/// The keywords of `q`, within Okta's limits.
pub(super) fn keywords(text: &str) -> Result<Vec<String>, Refusal> {
    let words: Vec<_> = text.split_whitespace().map(str::to_lowercase).collect();
    let fits = words.len() <= 10 && words.iter().all(|word| word.chars().count() <= 40);
    fits.then_some(words)
        .ok_or(("E0000001", "Api validation failed: q"))
}

/// True if each keyword is a whole word of some value.
pub(super) fn has_all(event: &Value, keywords: &[String]) -> bool {
    let mut values = Vec::new();
    texts(event, &mut values);
    let is_word = |value: &str, keyword: &str| value.split_whitespace().any(|word| word == keyword);
    keywords.iter().all(|keyword| {
        values
            .iter()
            .any(|value| value == keyword || is_word(value, keyword))
    })
}

fn texts(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.to_lowercase()),
        Value::Array(values) => values.iter().for_each(|value| texts(value, into)),
        Value::Object(members) => members.values().for_each(|value| texts(value, into)),
        _ => {}
    }
}

/// Every value at a dotted path; of an array on the way, each element counts.
fn at<'a>(event: &'a Value, path: &str) -> Vec<&'a Value> {
    let mut found = vec![event];
    for name in path.split('.') {
        let inside = |value: &'a Value| match value {
            Value::Array(values) => values.iter().collect(),
            value => vec![value],
        };
        found = found
            .into_iter()
            .flat_map(inside)
            .filter_map(|value| value.get(name))
            .collect();
    }
    found
}

/// The expression in words: parentheses, texts in their quotes, everything else.
fn words(text: &str) -> Result<Vec<String>, Refusal> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '(' | ')' => 1,
            '[' | ']' => return Err(INVALID),
            '"' => {
                let mut escaped = false;
                let quote = rest[1..].find(|c| {
                    let ends = c == '"' && !escaped;
                    escaped = c == '\\' && !escaped;
                    ends
                });
                quote.ok_or(INVALID)? + 2
            }
            _ => rest
                .find(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"' | '[' | ']'))
                .unwrap_or(rest.len()),
        };
        words.push(rest[..end].to_owned());
        rest = rest[end..].trim_start();
    }
    Ok(words)
}

/// Words still to be read, the next one last.
type Rest = Vec<String>;

fn next_is(rest: &Rest, word: &str) -> bool {
    rest.last()
        .is_some_and(|next| next.eq_ignore_ascii_case(word))
}

fn any(rest: &mut Rest) -> Result<Filter, Refusal> {
    let mut parts = vec![all(rest)?];
    while next_is(rest, "or") {
        rest.pop();
        parts.push(all(rest)?);
    }
    Ok(Filter::Any(parts))
}

fn all(rest: &mut Rest) -> Result<Filter, Refusal> {
    let mut parts = vec![one(rest)?];
    while next_is(rest, "and") {
        rest.pop();
        parts.push(one(rest)?);
    }
    Ok(Filter::All(parts))
}

fn one(rest: &mut Rest) -> Result<Filter, Refusal> {
    if next_is(rest, "not") {
        rest.pop();
        return Ok(Filter::Not(Box::new(one(rest)?)));
    }
    if next_is(rest, "(") {
        rest.pop();
        let inside = any(rest)?;
        return match rest.pop().as_deref() {
            Some(")") => Ok(inside),
            _ => Err(INVALID),
        };
    }
    let path = rest.pop().ok_or(INVALID)?;
    let word = rest.pop().ok_or(INVALID)?;
    let mut operators = OPERATORS.into_iter();
    let operator = operators
        .find(|known| word.eq_ignore_ascii_case(known))
        .ok_or(INVALID)?;
    let root = path.split('.').next().unwrap_or_default();
    if !ATTRIBUTES.contains(&root) {
        return Err(INVALID);
    }
    let url = [
        "debugContext.debugData.url",
        "debugContext.debugData.requestUri",
    ];
    let unsearchable = root == "published"
        || path.contains("changeDetails")
        || (operator == "co" && url.contains(&path.as_str()));
    if unsearchable {
        return Err(SEARCH);
    }
    let value = match operator {
        "pr" => Value::Null,
        _ => {
            let word = rest.pop().ok_or(INVALID)?;
            serde_json::from_str(&word).map_err(|_| INVALID)?
        }
    };
    Ok(Filter::Compare(path, operator, value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn filter_expression_selects_matching_events() {
        let event = json!({
            "eventType": "user.session.start", "severity": "WARN",
            "actor": {"id": "00u1", "displayName": "Ann Smith"},
            "target": [{"id": "a", "type": "User"}, {"id": "b", "type": "App"}],
            "securityContext": {"asNumber": 64500, "isProxy": false}, "outcome": null,
        });
        for (text, expected) in [
            (r#"severity eq "warn""#, true),
            (r#"severity EQ "INFO" or actor.id eq "00u1""#, true),
            (
                r#"severity eq "INFO" and actor.id eq "00u1" or eventType pr"#,
                true,
            ),
            (r#"not (severity eq "WARN") or outcome pr"#, false),
            (r#"target.id eq "b" and target.type ne "Group""#, true),
            (r#"target.id ne "b""#, false),
            (
                r#"eventType sw "user." and eventType ew "start" and eventType co "session""#,
                true,
            ),
            (
                "securityContext.asNumber gt 64499 and securityContext.asNumber le 64500",
                true,
            ),
            ("securityContext.isProxy eq true", false),
            ("device.id pr", false),
        ] {
            let filter = Filter::read(text).unwrap();
            assert_eq!(filter.matches(&event), expected, "{text}");
        }
        let has = |q: &str| has_all(&event, &keywords(q).unwrap());
        assert!(has("SMITH 00u1") && !has("smit") && !has("ann bob"));
    }

    #[test]
    fn filter_expression_refusal_carries_the_okta_code() {
        for (text, code) in [
            ("", "E0000053"),
            ("severity", "E0000053"),
            ("severity eq", "E0000053"),
            ("severity is \"WARN\"", "E0000053"),
            ("severity eq WARN", "E0000053"),
            ("severity eq \"WARN", "E0000053"),
            ("Severity eq \"WARN\"", "E0000053"),
            ("(severity pr", "E0000053"),
            ("severity pr)", "E0000053"),
            ("target[type eq \"User\"] pr", "E0000053"),
            ("published gt \"2026-11-22T10:00:00.000Z\"", "E0000031"),
            ("debugContext.debugData.url co \"x\"", "E0000031"),
            ("target.changeDetails.to pr", "E0000031"),
        ] {
            assert_eq!(Filter::read(text).unwrap_err().0, code, "{text}");
        }
    }
}
