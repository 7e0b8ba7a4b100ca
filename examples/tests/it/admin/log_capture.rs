//! The log of a thread, as a program would write it.

use std::cell::RefCell;
use std::fmt::{Debug, Write};
use std::sync::OnceLock;

use okta_coralogix_examples::program::Environment;
use okta_coralogix_examples::program::log::LogArgs;
use okta_coralogix_examples::program::progress::{Progress, ProgressObserver};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, set_global_default};
use tracing::{Event, Level, Metadata, Subscriber};

thread_local! {
    static LINES: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Captures the log of this thread, from info on, while it lives.
pub(super) struct LogCapture(());

impl LogCapture {
    pub(super) fn start() -> Self {
        // One for all threads: a subscriber of one thread misses a line whose callsite another thread meets first.
        static SUBSCRIBER: OnceLock<()> = OnceLock::new();
        SUBSCRIBER.get_or_init(|| set_global_default(ThreadLog).unwrap());
        LINES.set(Some(String::new()));
        Self(())
    }

    /// The observer that the programs log with, with these variables.
    pub(super) fn observer(
        &self,
        variables: &'static [(&'static str, &'static str)],
    ) -> ProgressObserver {
        let environment = Environment::new(|name| {
            let is_it = |(known, _): &&(&str, &str)| *known == name;
            // Nothing is drawn.
            let dumb = (name == "TERM").then_some("dumb");
            let value = variables.iter().find(is_it).map(|(_, value)| *value);
            value.or(dumb).map(Into::into)
        });
        let settings = LogArgs::default().settings(&environment).unwrap();
        Progress::start(settings).observer()
    }

    /// The lines since the start, or since they were last taken.
    pub(super) fn take(&self) -> String {
        LINES.replace(Some(String::new())).unwrap()
    }
}

impl Drop for LogCapture {
    fn drop(&mut self) {
        LINES.set(None);
    }
}

/// Writes the log of each thread that captures it.
struct ThreadLog;

impl Subscriber for ThreadLog {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        match *metadata.level() <= Level::INFO {
            true => Interest::sometimes(),
            false => Interest::never(),
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO && LINES.with_borrow(Option::is_some)
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        LINES.with_borrow_mut(|lines| {
            if let Some(lines) = lines {
                write!(lines, "{}", event.metadata().level()).unwrap();
                event.record(&mut Line(lines));
                lines.push('\n');
            }
        });
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

/// The message and the fields, as the log of a program has them.
struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "message" => write!(self.0, " {value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        }
        .unwrap();
    }
}
