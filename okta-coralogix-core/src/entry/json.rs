//! One log entry as the API of Coralogix takes it.

use std::io::Write;

use super::escape::{escape_into, escaped_len};
use super::{EntryText, InvalidEntry, LogEntry};
use crate::JsonString;
use bytes::Bytes;
use chrono::{DateTime, Utc};

const NANOS_PER_MILLI: i128 = 1_000_000;

const INFALLIBLE: &str = "writing to memory does not fail";

impl EntryText {
    /// The bytes of the document, before it is escaped.
    #[must_use]
    pub fn document(&self) -> &Bytes {
        let (Self::Escaped(text) | Self::Embedded(text)) = self;
        text
    }

    /// The same kind of text with another document.
    #[must_use]
    pub fn with_document(&self, document: Bytes) -> Self {
        match self {
            Self::Escaped(_) => Self::Escaped(document),
            Self::Embedded(_) => Self::Embedded(document),
        }
    }

    /// Bytes that a document takes in an entry's JSON, without the quotes around an escaped one.
    #[must_use]
    pub fn written_len(&self, document: &[u8]) -> usize {
        match self {
            Self::Escaped(_) => escaped_len(document),
            Self::Embedded(_) => document.len(),
        }
    }
}

impl LogEntry {
    /// Checks that the entry can be sent: Coralogix would refuse a whole request for one that cannot.
    ///
    /// # Errors
    /// What is wrong: an empty application or subsystem name, a text that is not UTF-8, an embedded text that is empty.
    pub fn check(&self) -> Result<(), InvalidEntry> {
        if is_blank(&self.names.application) {
            return Err(InvalidEntry::NoApplication);
        }
        if is_blank(&self.names.subsystem) {
            return Err(InvalidEntry::NoSubsystem);
        }
        let text = self.text.document();
        if simdutf8::basic::from_utf8(text).is_err() {
            return Err(InvalidEntry::NotUtf8);
        }
        if matches!(self.text, EntryText::Embedded(_)) && text.is_empty() {
            return Err(InvalidEntry::NoText);
        }
        Ok(())
    }

    /// Appends the entry as the JSON object that `POST /logs/v1/singles` takes, on one line if an embedded text is. It is
    /// valid JSON if [`check`](Self::check) passes.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let names = &self.names;
        out.extend_from_slice(b"{\"applicationName\":\"");
        out.extend_from_slice(names.application.as_bytes());
        out.extend_from_slice(b"\",\"subsystemName\":\"");
        out.extend_from_slice(names.subsystem.as_bytes());
        out.push(b'"');
        write_optional(b",\"computerName\":\"", names.computer.as_ref(), out);
        if let Some(timestamp) = self.timestamp {
            out.extend_from_slice(b",\"timestamp\":");
            write_millis(timestamp, out);
        }
        out.extend_from_slice(b",\"severity\":");
        out.push(b'0' + self.severity.code());
        write_optional(b",\"category\":\"", self.category.as_ref(), out);
        write_optional(b",\"className\":\"", self.class_name.as_ref(), out);
        write_optional(b",\"methodName\":\"", self.method_name.as_ref(), out);
        write_optional(b",\"threadId\":\"", self.thread_id.as_ref(), out);
        out.extend_from_slice(b",\"text\":");
        match &self.text {
            EntryText::Embedded(text) => out.extend_from_slice(text),
            EntryText::Escaped(text) => {
                out.push(b'"');
                escape_into(text, out);
                out.push(b'"');
            }
        }
        out.push(b'}');
    }
}

/// Appends entries as the JSON array that `POST /logs/v1/singles` takes: at most 2 MB a request, by Coralogix's documentation. It is valid
/// JSON if each entry passes [`check`](LogEntry::check).
///
/// For those who send by a client of their own; the sink of the crate `coralogix-sink` also counts, splits and retries.
pub fn write_json_array<'a>(entries: impl IntoIterator<Item = &'a LogEntry>, out: &mut Vec<u8>) {
    out.push(b'[');
    for (index, entry) in entries.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        entry.write_json(out);
    }
    out.push(b']');
}

fn write_optional(before: &[u8], value: Option<&JsonString>, out: &mut Vec<u8>) {
    if let Some(value) = value {
        out.extend_from_slice(before);
        out.extend_from_slice(value.as_bytes());
        out.push(b'"');
    }
}

/// Milliseconds since the epoch. A finer timestamp gets decimal places, written from integers: a float of this size
/// holds no more than a quarter of a microsecond.
fn write_millis(timestamp: DateTime<Utc>, out: &mut Vec<u8>) {
    if timestamp.timestamp_subsec_nanos().is_multiple_of(1_000_000) {
        // serde_json writes integers several times as fast as `write!` does.
        serde_json::to_writer(out, &timestamp.timestamp_millis()).expect(INFALLIBLE);
        return;
    }
    let seconds = i128::from(timestamp.timestamp());
    let nanos = seconds * 1_000_000_000 + i128::from(timestamp.timestamp_subsec_nanos());
    let sign = if nanos < 0 { "-" } else { "" };
    let whole = nanos.abs() / NANOS_PER_MILLI;
    let part = nanos.abs() % NANOS_PER_MILLI;
    write!(out, "{sign}{whole}.{part:06}").expect(INFALLIBLE);
    while out.last() == Some(&b'0') {
        out.pop();
    }
}

fn is_blank(name: &JsonString) -> bool {
    match name.as_bytes().first() {
        None => true,
        Some(first) if first.is_ascii_graphic() && *first != b'\\' => false,
        Some(_) => name.plain().trim().is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Names;

    fn named(application: &str, subsystem: &str) -> LogEntry {
        let names = Names::new(application, subsystem);
        LogEntry::new(
            Arc::new(names),
            EntryText::Escaped(Bytes::from_static(b"{}")),
        )
    }

    fn millis(text: &str) -> String {
        let mut out = Vec::new();
        write_millis(text.parse().unwrap(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn timestamps_are_exact_milliseconds() {
        assert_eq!(millis("2023-11-14T22:13:20Z"), "1700000000000");
        assert_eq!(millis("2023-11-14T22:13:20.120Z"), "1700000000120");
        assert_eq!(
            millis("2023-11-14T22:13:20.000123456Z"),
            "1700000000000.123456"
        );
        assert_eq!(millis("2023-11-14T22:13:20.0000005Z"), "1700000000000.0005");
        assert_eq!(millis("1969-12-31T23:59:59.9985Z"), "-1.5");
        assert_eq!(millis("1969-12-31T23:59:59.998Z"), "-2");
        assert_eq!(millis("1970-01-01T00:00:00Z"), "0");
    }

    #[test]
    fn array_of_entries_is_json_however_many_there_are() {
        for count in 0..4 {
            let entries: Vec<_> = (0..count)
                .map(|index| named("okta", &format!("org \"{index}\"")))
                .collect();
            let mut body = b"kept".to_vec();
            write_json_array(&entries, &mut body);
            let array: Vec<serde_json::Value> =
                serde_json::from_slice(body.strip_prefix(b"kept").unwrap()).unwrap();
            let names: Vec<_> = array
                .iter()
                .map(|entry| entry["subsystemName"].as_str().unwrap().to_owned())
                .collect();
            assert_eq!(
                names,
                (0..count)
                    .map(|index| format!("org \"{index}\""))
                    .collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn blank_names_are_found_however_they_are_written() {
        assert_eq!(named("okta", "acme").check(), Ok(()));
        assert_eq!(named("\"", "ü").check(), Ok(()));
        assert_eq!(named(" a", "\t.").check(), Ok(()));
        for blank in ["", " ", "\t\n", "\u{a0}", "\u{3000} "] {
            let application = named(blank, "acme").check();
            assert_eq!(application, Err(InvalidEntry::NoApplication));
            let subsystem = named("okta", blank).check();
            assert_eq!(subsystem, Err(InvalidEntry::NoSubsystem));
        }
    }

    #[test]
    fn text_that_would_spoil_the_request_is_refused() {
        let mut entry = named("okta", "acme");
        entry.text = EntryText::Escaped(Bytes::from_static(b"\xff"));
        assert_eq!(entry.check(), Err(InvalidEntry::NotUtf8));
        entry.text = EntryText::Embedded(Bytes::new());
        assert_eq!(entry.check(), Err(InvalidEntry::NoText));
        entry.text = EntryText::Escaped(Bytes::new());
        assert_eq!(entry.check(), Ok(()));
    }

    #[test]
    fn entry_json_has_exactly_the_documented_fields() {
        let mut entry = named("ok\"ta", "acme");
        Arc::make_mut(&mut entry.names).computer = Some("acme.okta.com".into());
        entry.timestamp = Some("2023-11-14T22:13:20.001Z".parse().unwrap());
        entry.category = Some("user.session.start".into());
        entry.class_name = Some("c".into());
        entry.method_name = Some("m".into());
        entry.thread_id = Some("t".into());
        entry.text = EntryText::Escaped(Bytes::from_static(br#"{"a":"b\n"}"#));
        let mut out = Vec::new();
        entry.write_json(&mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            concat!(
                r#"{"applicationName":"ok\"ta","subsystemName":"acme","computerName":"acme.okta.com","#,
                r#""timestamp":1700000000001,"severity":3,"category":"user.session.start","#,
                r#""className":"c","methodName":"m","threadId":"t","text":"{\"a\":\"b\\n\"}"}"#
            )
        );
    }
}
