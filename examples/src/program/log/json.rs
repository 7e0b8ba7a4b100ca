//! The log as JSON: an object a line, with the fields of the event and of its spans as members.

use std::fmt::{self, Debug, Write};
use std::io;

use chrono::SecondsFormat;
use okta_coralogix_core::{Clock, SystemClock};
use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// Writes an event as an object: `timestamp`, `level`, `target`, `message`, its fields, and those of its spans.
#[derive(Debug)]
pub(super) struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let time = SystemClock.now();
        let time = time.to_rfc3339_opts(SecondsFormat::Micros, true);
        let metadata = event.metadata();
        write!(
            writer,
            r#"{{"timestamp":"{time}","level":"{}","target":"#,
            metadata.level()
        )?;
        value(&mut writer, metadata.target())?;
        context.format_fields(writer.by_ref(), event)?;
        for span in context.event_scope().into_iter().flatten() {
            if let Some(fields) = span.extensions().get::<FormattedFields<N>>() {
                writer.write_str(fields)?;
            }
        }
        writer.write_str("}\n")
    }
}

/// Writes each field as `,"name":value`.
#[derive(Debug)]
pub(super) struct JsonMembers;

impl<'writer> FormatFields<'writer> for JsonMembers {
    fn format_fields<R: RecordFields>(
        &self,
        mut writer: Writer<'writer>,
        fields: R,
    ) -> fmt::Result {
        let mut members = Members {
            writer: &mut writer,
            written: Ok(()),
        };
        fields.record(&mut members);
        members.written
    }

    fn add_fields(
        &self,
        current: &'writer mut FormattedFields<Self>,
        fields: &tracing::span::Record<'_>,
    ) -> fmt::Result {
        self.format_fields(current.as_writer(), fields)
    }
}

struct Members<'a, 'writer> {
    writer: &'a mut Writer<'writer>,
    written: fmt::Result,
}

impl Members<'_, '_> {
    fn member(&mut self, field: &Field, of: impl Serialize) {
        let Self { writer, written } = self;
        let write = || {
            write!(writer, r#","{}":"#, field.name())?;
            value(writer, of)
        };
        *written = written.and_then(|()| write());
    }
}

impl Visit for Members<'_, '_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.member(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.member(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.member(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.member(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.member(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.member(field, format!("{value:?}"));
    }
}

/// Writes a JSON value.
fn value(writer: &mut impl Write, value: impl Serialize) -> fmt::Result {
    let json = serde_json::to_string(&value).map_err(io::Error::other);
    writer.write_str(&json.map_err(|_| fmt::Error)?)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::Value;
    use tracing_subscriber::fmt::MakeWriter;

    use super::*;
    use crate::program::start::span;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Lines {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn json_line_has_typed_fields_and_the_integration_of_its_span() {
        let lines = Lines::default();
        let log = tracing_subscriber::fmt()
            .fmt_fields(JsonMembers)
            .event_format(JsonLines)
            .with_writer(lines.clone())
            .finish();
        tracing::subscriber::with_default(log, || {
            span("acme \"1\"").in_scope(|| {
                let path = "a\nb";
                let none: Option<u64> = None;
                tracing::warn!(events = 3_u64, share = 0.5, ok = true, %path, none, "quotes \" and {}", 1);
            });
        });
        let written = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert_eq!(written.lines().count(), 1, "{written}");
        let line: Value = serde_json::from_str(&written).unwrap();
        for (member, expected) in [
            ("level", Value::from("WARN")),
            ("message", "quotes \" and 1".into()),
            ("events", 3.into()),
            ("share", 0.5.into()),
            ("ok", true.into()),
            ("path", "a\nb".into()),
            ("integration", "acme \"1\"".into()),
        ] {
            assert_eq!(line[member], expected, "{written}");
        }
        assert!(line.get("none").is_none(), "{written}");
        let time = line["timestamp"].as_str().unwrap();
        assert!(time.parse::<chrono::DateTime<chrono::Utc>>().is_ok() && time.ends_with('Z'));
        assert!(
            line["target"].as_str().unwrap().contains("json"),
            "{written}"
        );
    }
}
