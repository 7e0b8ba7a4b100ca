//! Reads an answer: newline-delimited JSON in which errors, warnings and truncation are lines like the rows.
//!
//! | line | meaning |
//! |---|---|
//! | `{"queryId":{"queryId":"…"}}` | documented as the first |
//! | `{"result":{"results":[{"metadata":[],"labels":[],"userData":"<JSON>"}]}}` | rows; any number of such lines |
//! | `{"warning":{"<kind>":{…}}}` | anywhere |
//! | `{"error":{"message":"…","code":{"rateLimitReached":{}}}}` | the query failed, whatever rows there are |
//! | `{"statistics":{"status":"COMPLETED","outputRowCount":"1"}}` | the end, where the account sends it |
//!
//! Nothing relies on their order, since none is promised. A line with several members counts as several lines.

use std::borrow::Cow;

use okta_coralogix_core::internal::json::{Member, Members};
use serde::Deserialize;
use serde_json::Value;

use super::answer::{Doubt, Warning};

/// Doubts of one answer that are kept: one of each kind is enough for a message.
const MAX_DOUBTS: usize = 8;

/// What an answer consists of, apart from its rows.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pub(super) query_id: Option<String>,
    /// Rows that were handed over.
    pub(super) rows: u64,
    pub(super) statistics: Option<Statistics>,
    /// The first line of an unknown kind.
    pub(super) unknown: Option<String>,
    pub(super) unknown_lines: u64,
    pub(super) deprecations: u64,
    /// A number of rows that Coralogix says it does not exceed.
    pub(super) row_cap: Option<u64>,
    /// The text of an error line that says that the rate limit is reached.
    pub(super) rate_limited: Option<String>,
    pub(super) doubts: Vec<Doubt>,
}

/// The line behind the rows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Statistics {
    pub(super) status: String,
    pub(super) rows: Option<u64>,
}

/// Reads the lines of `body`, and hands over the `userData` of each row. `clean` makes foreign text fit for a message.
pub(super) fn read(
    body: &[u8],
    clean: &dyn Fn(&str) -> String,
    row: &mut dyn FnMut(&str),
) -> Lines {
    let mut lines = Lines::default();
    let mut rest = body;
    while !rest.is_empty() {
        let (line, behind, is_ended) = match rest.iter().position(|byte| *byte == b'\n') {
            Some(end) => (&rest[..end], &rest[end + 1..], true),
            None => (rest, &rest[rest.len()..], false),
        };
        rest = behind;
        if line.trim_ascii().is_empty() {
            continue;
        }
        // Not as a map, which would drop one of two members with the same name.
        match serde_json::from_slice::<Members<'_>>(line) {
            Ok(members) if members.iter().next().is_none() => lines.unknown("{}".into()),
            Ok(members) => {
                for member in members.iter() {
                    if lines.member(&member, clean, row).is_none() {
                        lines.doubt(Doubt::BadLine);
                    }
                }
            }
            Err(_) if is_ended => lines.doubt(Doubt::BadLine),
            Err(_) => lines.doubt(Doubt::CutOff),
        }
    }
    lines
}

impl Lines {
    /// One member of a line. `None` if its value is not as documented.
    fn member(
        &mut self,
        member: &Member<'_>,
        clean: &dyn Fn(&str) -> String,
        row: &mut dyn FnMut(&str),
    ) -> Option<()> {
        let value = member.value;
        if value == "null" {
            return Some(());
        }
        match &*member.key() {
            "queryId" => {
                let id: QueryId<'_> = serde_json::from_str(value).ok()?;
                let id = clean(&id.query_id);
                if self.query_id.as_ref().is_some_and(|known| *known != id) {
                    self.doubt(Doubt::SeveralQueries);
                }
                self.query_id = Some(id);
            }
            "result" => {
                let Results { results } = serde_json::from_str(value).ok()?;
                for Row { user_data } in results {
                    self.rows += 1;
                    row(&user_data);
                }
            }
            "warning" => {
                let kinds = Members::of(value)?;
                kinds.iter().next()?;
                for kind in kinds.iter() {
                    self.warning(clean(&kind.key()), kind.value, clean);
                }
            }
            "error" => self.error(&serde_json::from_str(value).ok()?, clean),
            "statistics" => {
                let statistics: StatisticsFields<'_> = serde_json::from_str(value).ok()?;
                let rows = match statistics.output_row_count {
                    None => None,
                    Some(count) => Some(whole(&count)?),
                };
                let statistics = Statistics {
                    status: clean(&statistics.status),
                    rows,
                };
                if self
                    .statistics
                    .as_ref()
                    .is_some_and(|known| *known != statistics)
                {
                    self.doubt(Doubt::SeveralQueries);
                }
                self.statistics = Some(statistics);
            }
            unknown => self.unknown(clean(unknown)),
        }
        Some(())
    }

    fn warning(&mut self, kind: String, detail: &str, clean: &dyn Fn(&str) -> String) {
        let detail: Value = serde_json::from_str(detail).unwrap_or_default();
        let warning = Warning {
            text: detail
                .get("warningMessage")
                .and_then(Value::as_str)
                .map(clean),
            limit: detail
                .as_object()
                .and_then(|members| members.iter().find(|(name, _)| name.ends_with("Limit")))
                .and_then(|(_, limit)| whole(limit)),
            kind,
        };
        if warning.is_harmless() {
            self.deprecations += 1;
            return;
        }
        if warning.kind == "numberOfResultsLimitWarning" {
            self.row_cap = warning.limit.filter(|limit| *limit > 1).or(self.row_cap);
        }
        self.doubt(Doubt::Warning(warning));
    }

    fn error(&mut self, error: &Value, clean: &dyn Fn(&str) -> String) {
        let text = match error.get("message").and_then(Value::as_str) {
            Some(message) => clean(message),
            None => clean(&error.to_string()),
        };
        let code = error.get("code");
        let is_rate = code.is_some_and(|code| code.get("rateLimitReached").is_some());
        match is_rate {
            true => self.rate_limited = Some(text),
            false => self.doubt(Doubt::ServerError(text)),
        }
    }

    fn unknown(&mut self, kind: String) {
        self.unknown_lines += 1;
        self.unknown.get_or_insert(kind);
    }

    fn doubt(&mut self, doubt: Doubt) {
        if self.doubts.len() < MAX_DOUBTS && !self.doubts.contains(&doubt) {
            self.doubts.push(doubt);
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueryId<'a> {
    #[serde(borrow)]
    query_id: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Results<'a> {
    #[serde(borrow, default)]
    results: Vec<Row<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    #[serde(borrow)]
    user_data: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StatisticsFields<'a> {
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(default)]
    output_row_count: Option<Value>,
}

/// A whole number, which JSON of protocol buffers writes as a string, and a search engine as a number with decimal places.
pub(super) fn whole(value: &Value) -> Option<u64> {
    /// Up to here a 64-bit float holds each whole number.
    const MAX_EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::String(digits) => digits.parse().ok(),
        Value::Number(number) => number.as_u64().or_else(|| {
            let float = number.as_f64()?;
            let is_whole = float.fract() == 0.0 && (0.0..MAX_EXACT).contains(&float);
            is_whole.then_some(float as u64)
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(body: &str) -> (Lines, Vec<String>) {
        let mut rows = Vec::new();
        let lines = read(body.as_bytes(), &str::to_owned, &mut |row| {
            rows.push(row.to_owned())
        });
        (lines, rows)
    }

    #[test]
    fn answer_lines_are_read_in_any_order_and_with_several_members() {
        let (read, rows) = lines(concat!(
            r#"{"statistics":{"status":"COMPLETED","outputRowCount":"3","x":1},"queryId":{"queryId":"q"}}"#,
            "\r\n\n",
            r#"{"result":{"results":[{"metadata":[{"key":"a","value":"b"}],"labels":[],"userData":"{\"n\":1}"},{"userData":"no JSON"}]}}"#,
            "\n",
            r#"{"warning":{"deprecationWarning":{"warningMessage":"old"}}}"#,
            "\n",
            r#"{"result":{"results":[{"userData":""}]}}"#,
        ));
        assert_eq!(rows, [r#"{"n":1}"#, "no JSON", ""]);
        assert!(read.doubts.is_empty(), "{:?}", read.doubts);
        assert_eq!((read.rows, read.deprecations), (3, 1));
        assert_eq!(read.query_id.as_deref(), Some("q"));
        let statistics = Statistics {
            status: "COMPLETED".into(),
            rows: Some(3),
        };
        assert_eq!(read.statistics, Some(statistics));
    }

    #[test]
    fn answer_line_of_each_kind_raises_its_doubt() {
        let warning = |kind: &str, text: Option<&str>, limit| {
            Doubt::Warning(Warning {
                kind: kind.into(),
                text: text.map(Into::into),
                limit,
            })
        };
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let cases = [
            (
                r#"{"warning":{"bytesScannedLimitWarning":{}}}"#,
                warning("bytesScannedLimitWarning", None, None),
            ),
            (
                r#"{"warning":{"newWarning":null}}"#,
                warning("newWarning", None, None),
            ),
            (
                r#"{"warning":{"numberOfResultsLimitWarning":{"numberOfResultsLimit":"2000"}}}"#,
                warning("numberOfResultsLimitWarning", None, Some(2000)),
            ),
            (
                r#"{"warning":{"compileWarning":{"warningMessage":"no path"}}}"#,
                warning("compileWarning", Some("no path"), None),
            ),
            (r#"{"warning":{}}"#, Doubt::BadLine),
            (r#"{"warning":"x"}"#, Doubt::BadLine),
            (
                r#"{"error":{"message":"out of memory"}}"#,
                Doubt::ServerError("out of memory".into()),
            ),
            (r#"{"error":{}}"#, Doubt::ServerError("{}".into())),
            (r#"{"error":"gone"}"#, Doubt::ServerError("\"gone\"".into())),
            (r#"{"statistics":{}}"#, Doubt::BadLine),
            (
                r#"{"statistics":{"status":"COMPLETED","outputRowCount":"x"}}"#,
                Doubt::BadLine,
            ),
            (
                r#"{"result":{"results":[{"metadata":[]}]}}"#,
                Doubt::BadLine,
            ),
            (r#"{"result":{"results":[7]}}"#, Doubt::BadLine),
            (r#"{"queryId":"q"}"#, Doubt::BadLine),
            ("[]", Doubt::BadLine),
            ("null", Doubt::BadLine),
            (&*deep, Doubt::BadLine),
            (&*format!(r#"{{"error":{deep}}}"#), Doubt::BadLine),
        ];
        for (line, doubt) in cases {
            assert_eq!(lines(&format!("{line}\n")).0.doubts, [doubt], "{line}");
        }
        assert_eq!(lines(r#"{"result":{"results":["#).0.doubts, [Doubt::CutOff]);
        let limited = r#"{"error":{"message":"slow down","code":{"rateLimitReached":{}}}}"#;
        assert_eq!(lines(limited).0.rate_limited.as_deref(), Some("slow down"));
        assert_eq!(lines("{}\n{\"progress\":{}}").0.unknown_lines, 2);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_row_that_is_not_there(
            parts in proptest::collection::vec(
                prop_oneof![
                    any::<Vec<u8>>(),
                    "[{}\\[\\]\",:\\\\n]{0,12}".prop_map(String::into_bytes),
                    proptest::sample::select(vec![
                        r#"{"result":{"results":[{"userData":"row"}]}}"#,
                        r#"{"warning":{"x":{}}}"#,
                        r#""result":{"#,
                        "\n",
                    ]).prop_map(|part| part.as_bytes().to_vec()),
                ],
                0..12,
            ),
        ) {
            let body = parts.concat();
            let mut rows = 0;
            let lines = read(&body, &str::to_owned, &mut |row| {
                assert_eq!(row, "row");
                rows += 1;
            });
            prop_assert_eq!(rows, lines.rows);
            let sent = body.windows(10).filter(|bytes| *bytes == b"\"userData\"").count();
            prop_assert!(rows <= sent as u64);
            prop_assert!(lines.doubts.len() <= MAX_DOUBTS);
        }
    }

    #[test]
    fn whole_numbers_are_read_as_text_and_as_floats() {
        let read = |json: &str| whole(&serde_json::from_str(json).unwrap());
        for (json, number) in [
            ("7", Some(7)),
            ("\"7\"", Some(7)),
            ("7.0", Some(7)),
            ("7.5", None),
            ("-1", None),
            ("\"x\"", None),
            ("1e30", None),
            ("null", None),
        ] {
            assert_eq!(read(json), number, "{json}");
        }
    }
}
