//! Truncates the text of a large entry, in a fixed order, and flags that in the text.

use std::ops::Range;

use okta_coralogix_core::internal::json::{Members, elements, substr_range};

/// The member that is added at the root of a truncated document: `{"shed":["debugContext.debugData"]}`.
pub(crate) const FLAG: &str = "okta_coralogix";

/// Members that become `null`, in this order.
const NULLED: [[&str; 2]; 2] = [["debugContext", "debugData"], ["request", "ipChain"]];

/// The array that is cut to as many of its first elements as fit, at least one.
const CUT: &str = "target";

/// The member of an EventBridge envelope that holds the LogEvent.
const DETAIL: &str = "detail";

/// Removes parts of the JSON document `text` until it `fits`: first `debugContext.debugData`, then `request.ipChain`, then all but the
/// first elements of `target`, each also below `detail`. All other bytes stay as they are; a last member [`FLAG`] names the removed parts.
///
/// `None` if the text is no JSON object, has a member [`FLAG`] already, or does not fit even then.
pub(crate) fn truncate(text: &str, fits: impl Fn(&str) -> bool) -> Option<String> {
    let mut draft = Draft::of(text)?;
    for path in NULLED {
        if draft.null(path) {
            let smaller = draft.render();
            if fits(&smaller) {
                return Some(smaller);
            }
        }
    }
    draft.cut(fits)
}

/// A document with the edits to make in it.
#[derive(Clone)]
struct Draft<'a> {
    text: &'a str,
    /// The LogEvents in it, the document itself and that below `detail`, each with the prefix of its paths.
    roots: Vec<(&'static str, &'a str)>,
    edits: Vec<(Range<usize>, &'static str)>,
    flags: Vec<String>,
}

impl<'a> Draft<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let members = Members::of(text)?;
        if members.values(FLAG).next().is_some() {
            return None;
        }
        let mut roots = vec![("", text)];
        roots.extend(members.values(DETAIL).map(|event| ("detail.", event)));
        Some(Self {
            text,
            roots,
            edits: Vec::new(),
            flags: Vec::new(),
        })
    }

    /// Replaces the values at `path` by `null`. False if there are none.
    fn null(&mut self, path: [&str; 2]) -> bool {
        let [outer, inner] = path;
        let before = self.edits.len();
        for (prefix, root) in self.roots.clone() {
            for outer_value in values(root, outer) {
                for value in values(outer_value, inner) {
                    if value != "null" {
                        self.edits.push((substr_range(self.text, value), "null"));
                        self.flag(format!("{prefix}{outer}.{inner}"));
                    }
                }
            }
        }
        self.edits.len() > before
    }

    /// Keeps as many of the first elements of the arrays as fit, and fewer than there are.
    fn cut(self, fits: impl Fn(&str) -> bool) -> Option<String> {
        let roots = self.roots.iter();
        let arrays: Vec<_> = roots
            .flat_map(|(prefix, root)| values(root, CUT).into_iter().map(move |a| (prefix, a)))
            .filter_map(|(prefix, array)| Some((*prefix, elements(array)?)))
            .collect();
        let longest = arrays.iter().map(|(_, elements)| elements.len()).max()?;
        let keeping = |most: usize| {
            let mut draft = self.clone();
            for (prefix, elements) in &arrays {
                if elements.len() > most {
                    let kept = substr_range(self.text, elements[most - 1]);
                    let last = substr_range(self.text, elements[elements.len() - 1]);
                    draft.edits.push((kept.end..last.end, ""));
                    draft.flag(format!("{prefix}{CUT}"));
                }
            }
            draft.render()
        };
        let (mut fit, mut over) = (0, longest);
        while fit + 1 < over {
            let middle = (fit + over) / 2;
            if fits(&keeping(middle)) {
                fit = middle;
            } else {
                over = middle;
            }
        }
        (fit > 0).then(|| keeping(fit))
    }

    fn flag(&mut self, path: String) {
        if !self.flags.contains(&path) {
            self.flags.push(path);
        }
    }

    fn render(&self) -> String {
        let mut edits = self.edits.clone();
        edits.sort_by_key(|(range, _)| range.start);
        let end = self.text.rfind('}').unwrap_or(self.text.len());
        let mut out = String::with_capacity(self.text.len());
        let mut done = 0;
        for (range, with) in edits {
            out.push_str(&self.text[done..range.start]);
            out.push_str(with);
            done = range.end;
        }
        out.push_str(&self.text[done..end]);
        let flags = self.flags.join("\",\"");
        out.push_str(&format!(",\"{FLAG}\":{{\"shed\":[\"{flags}\"]}}"));
        out.push_str(&self.text[end..]);
        out
    }
}

fn values<'a>(object: &'a str, key: &str) -> Vec<&'a str> {
    Members::of(object).map_or_else(Vec::new, |members| members.values(key).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    const EVENT: &str = concat!(
        r#"{"uuid":"u", "debugContext":{"debugData":{"a":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}},"#,
        r#""request":{"ipChain":[{"ip":"10.0.0.1"},{"ip":"10.0.0.2"},{"ip":"10.0.0.3"},{"ip":"10.0.0.4"}]},"#,
        r#""target":[{"id":"1111111111111111"},{"id":"2222222222222222"} , {"id":"3333333333333333"}],"v":1e0}"#
    );

    fn to(limit: usize) -> Option<String> {
        truncate(EVENT, |text| text.len() <= limit)
    }

    fn flags(text: &str) -> Value {
        serde_json::from_str::<Value>(text).unwrap()[FLAG]["shed"].clone()
    }

    #[test]
    fn truncation_removes_parts_in_order_until_the_entry_fits() {
        let debug = to(EVENT.len() - 1).unwrap();
        assert!(debug.contains(r#"{"uuid":"u", "debugContext":{"debugData":null},"request""#));
        assert!(
            debug.ends_with(r#""v":1e0,"okta_coralogix":{"shed":["debugContext.debugData"]}}"#)
        );
        let chain = to(debug.len() - 1).unwrap();
        assert!(chain.contains(r#""request":{"ipChain":null},"#));
        assert_eq!(
            flags(&chain),
            serde_json::json!(["debugContext.debugData", "request.ipChain"])
        );
        let two = to(chain.len() - 1).unwrap();
        assert!(
            two.contains(r#"{"id":"2222222222222222"}],"v":1e0"#),
            "{two}"
        );
        let one = to(two.len() - 1).unwrap();
        assert!(
            one.contains(r#""target":[{"id":"1111111111111111"}],"#),
            "{one}"
        );
        assert_eq!(flags(&one)[2], "target");
        assert_eq!(to(one.len() - 1), None);
    }

    #[test]
    fn envelope_is_truncated_below_detail_and_flagged_at_its_root() {
        let envelope = format!(r#"{{"detail-type":"SystemLog","detail":{EVENT},"account":"1"}}"#);
        let smaller = truncate(&envelope, |_| true).unwrap();
        assert_eq!(
            flags(&smaller),
            serde_json::json!(["detail.debugContext.debugData"])
        );
        assert!(smaller.contains(r#""debugData":null"#));
        assert!(smaller.contains(r#""account":"1","okta_coralogix":"#));
    }

    #[test]
    fn text_without_removable_parts_is_not_truncated() {
        let flagged = r#"{"debugContext":{"debugData":"long enough"},"okta_coralogix":1}"#;
        let nothing =
            r#"{"debugContext":{"debugData":null},"request":{},"target":[1],"detail":"x"}"#;
        let odd = r#"{"debugContext":[1],"request":"x","target":{"a":1},"detail":7}"#;
        for text in ["", "started", "[1,2]", "{", "null", flagged, nothing, odd] {
            assert_eq!(truncate(text, |_| true), None, "{text}");
        }
    }

    #[test]
    fn truncation_removes_repeated_and_escaped_keys_too() {
        let text = r#"{"debugContext":{"debug\u0044ata":"11111","debugData":[2]},"debugContext":{"debugData":"3"}}"#;
        let smaller = truncate(text, |_| true).unwrap();
        assert!(
            !smaller.contains("11111") && !smaller.contains("[2]") && !smaller.contains("\"3\"")
        );
        assert_eq!(
            flags(&smaller),
            serde_json::json!(["debugContext.debugData"])
        );
    }

    proptest! {
        #[test]
        fn truncated_text_is_valid_json_and_fits(limit in 0..600_usize) {
            let Some(smaller) = to(limit) else {
                prop_assert!(limit < 260, "{limit}");
                return Ok(());
            };
            prop_assert!(smaller.len() <= limit);
            let left: Value = serde_json::from_str(&smaller).unwrap();
            prop_assert_eq!(&left["uuid"], "u");
            prop_assert!(!left["target"].as_array().unwrap().is_empty());
        }
    }
}
