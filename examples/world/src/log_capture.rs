//! Captures what the programs report through `tracing`: lines of the trace, in which no secret may appear.

use std::fmt::{Debug, Display, Write};
use std::sync::Arc;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::env::Env;
use crate::fakes::credentials::SECRET;

/// The subscriber of the thread that a world runs on.
#[derive(Debug)]
pub(crate) struct LogCapture(pub(crate) Arc<Env>);

impl LogCapture {
    fn capture(&self, reporter: impl Display, record: impl FnOnce(&mut dyn Visit)) {
        let mut line = Line(String::new());
        record(&mut line);
        let Line(line) = line;
        if line.contains(SECRET) {
            self.0
                .violation(format!("{reporter} reports a secret: {line}"));
        }
        self.0.trace(|| format!("{reporter}:{line}"));
    }
}

impl Subscriber for LogCapture {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.capture(reporter(span.metadata()), |line| span.record(line));
        // Nothing here asks for the span of an event.
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, values: &Record<'_>) {
        self.capture("a span", |line| values.record(line));
    }

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.capture(reporter(event.metadata()), |line| event.record(line));
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

fn reporter(metadata: &Metadata<'_>) -> String {
    format!("{} {}", metadata.level(), metadata.target())
}

/// The fields, as a log would print them.
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let name = match field.name() {
            "message" => "",
            name => &format!("{name}="),
        };
        write!(self.0, " {name}{value:?}").expect("a string takes any text");
    }
}
