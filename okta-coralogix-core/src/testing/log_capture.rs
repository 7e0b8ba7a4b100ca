//! The log of a test's thread.

use std::cell::RefCell;
use std::fmt::{Debug, Write};
use std::marker::PhantomData;
use std::sync::OnceLock;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, set_global_default};
use tracing::{Event, Level, Metadata, Subscriber};

thread_local! {
    static LINES: RefCell<Option<Vec<(Level, String)>>> = const { RefCell::new(None) };
}

/// Captures what this thread logs through `tracing`, until it is dropped.
///
/// A line is the level, the message and the fields: `WARN a page was cut off org=example`. One subscriber serves all threads: that of a
/// thread alone would miss a line whose place in the code is first met by a thread without one.
#[derive(Debug)]
pub struct LogCapture {
    /// It belongs to its thread.
    thread: PhantomData<*const ()>,
}

impl LogCapture {
    /// Captures from now on.
    ///
    /// # Panics
    /// If the process has another global subscriber.
    #[must_use]
    pub fn start() -> Self {
        static SUBSCRIBER: OnceLock<()> = OnceLock::new();
        SUBSCRIBER.get_or_init(|| {
            set_global_default(ThreadLog).expect("the process has no other global subscriber");
        });
        LINES.set(Some(Vec::new()));
        Self {
            thread: PhantomData,
        }
    }

    /// Every line, also of the levels debug and trace, one below the other.
    #[must_use]
    pub fn text(&self) -> String {
        lines_up_to(Level::TRACE).join("\n")
    }

    /// The lines from info on: what an operator sees.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        lines_up_to(Level::INFO)
    }

    /// Those of them that contain `words`.
    #[must_use]
    pub fn containing(&self, words: &str) -> Vec<String> {
        let mut lines = self.lines();
        lines.retain(|line| line.contains(words));
        lines
    }

    /// The lines from info on since the last time, one below the other. Those before are forgotten.
    #[must_use]
    pub fn take(&self) -> String {
        let lines = self.lines();
        LINES.set(Some(Vec::new()));
        lines.join("\n")
    }
}

impl Drop for LogCapture {
    fn drop(&mut self) {
        LINES.set(None);
    }
}

fn lines_up_to(most: Level) -> Vec<String> {
    LINES.with_borrow(|lines| {
        let lines = lines.iter().flatten();
        let lines = lines.filter(|(level, _)| *level <= most);
        lines.map(|(_, line)| line.clone()).collect()
    })
}

/// Keeps the lines of each thread that captures them.
struct ThreadLog;

impl Subscriber for ThreadLog {
    /// Each thread is asked anew, since another one may capture later.
    fn register_callsite(&self, _metadata: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        LINES.with_borrow(Option::is_some)
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let level = *event.metadata().level();
        let mut line = Line(level.to_string());
        event.record(&mut line);
        LINES.with_borrow_mut(|lines| {
            if let Some(lines) = lines {
                lines.push((level, line.0));
            }
        });
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let written = match field.name() {
            "message" => write!(self.0, " {value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
        written.expect("a String takes all");
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn log(number: u32) {
        tracing::warn!(number, "said");
        tracing::trace!("whispered");
    }

    #[test]
    fn log_of_its_own_thread_is_captured_also_where_another_thread_was_first() {
        let log_capture = LogCapture::start();
        thread::spawn(|| log(1)).join().unwrap();
        log(2);
        assert_eq!(log_capture.text(), "WARN said number=2\nTRACE whispered");
        assert_eq!(log_capture.containing("number=2"), log_capture.lines());
        assert_eq!(log_capture.take(), "WARN said number=2");
        log(3);
        assert_eq!(log_capture.lines(), ["WARN said number=3"]);
        drop(log_capture);
        log(4);
        assert_eq!(LogCapture::start().text(), "");
    }
}
