//! Progress and log on stderr: on a terminal a line that is redrawn below the log, elsewhere plain lines.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use okta_coralogix_core::observe::{Observer, PipelineContext, PipelineEvent, TracingObserver};
use okta_coralogix_core::pipeline::Disposition;
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::log_filter::log_filter;

/// Counts events and shows the counts. Clones share them.
#[derive(Debug, Clone)]
pub struct Progress(Arc<Shown>);

#[derive(Debug)]
struct Shown {
    bar: Option<ProgressBar>,
    received: AtomicU64,
    delivered: AtomicU64,
    other: AtomicU64,
    requests: AtomicU64,
    printed: Mutex<Instant>,
    log: TracingObserver,
}

/// The minimum time between two plain lines.
const PLAIN_INTERVAL: Duration = Duration::from_secs(2);

impl Progress {
    /// Sends the log of the process to stderr, above the progress. `RUST_LOG` sets its filter; default `info`. Of libraries nothing is written that is
    /// below `debug`.
    #[must_use]
    pub fn start() -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{spinner} {elapsed:>4} {msg}");
            let bar = ProgressBar::new_spinner();
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar
        });
        let progress = Self(Arc::new(Shown {
            bar,
            received: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            other: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            printed: Mutex::new(Instant::now()),
            log: TracingObserver::new(),
        }));
        let log = tracing_subscriber::fmt::layer()
            .with_target(false)
            .with_ansi(io::stderr().is_terminal())
            .with_writer(progress.clone())
            .with_filter(log_filter());
        // A second program in the same process keeps the first one's log.
        tracing_subscriber::registry().with(log).try_init().ok();
        progress
    }

    /// The observer of a pipeline whose progress is drawn from now on.
    #[must_use]
    pub fn observer(&self) -> Self {
        if let Some(bar) = &self.0.bar {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        self.clone()
    }

    /// Shows the last counts and stops drawing.
    pub fn finish(&self) {
        match &self.0.bar {
            Some(bar) => bar.finish_with_message(self.line()),
            None => self.print(),
        }
    }

    fn line(&self) -> String {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let Shown {
            received,
            delivered,
            other,
            requests,
            ..
        } = &*self.0;
        format!(
            "received {}, delivered {} in {} requests, ended otherwise {}",
            count(received),
            count(delivered),
            count(requests),
            count(other)
        )
    }

    fn print(&self) {
        writeln!(io::stderr(), "{}", self.line()).ok();
    }

    fn show(&self) {
        if let Some(bar) = &self.0.bar {
            return bar.set_message(self.line());
        }
        let mut printed = self
            .0
            .printed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if printed.elapsed() >= PLAIN_INTERVAL {
            *printed = Instant::now();
            self.print();
        }
    }
}

impl Observer for Progress {
    fn observe(&self, context: &PipelineContext<'_>, event: &PipelineEvent<'_>) {
        self.0.log.observe(context, event);
        let (count, by) = match event {
            PipelineEvent::Received { items } => (&self.0.received, *items as u64),
            PipelineEvent::Accepted { .. } => (&self.0.requests, 1),
            PipelineEvent::Ended {
                disposition: Disposition::Delivered,
                ..
            } => (&self.0.delivered, 1),
            PipelineEvent::Ended { .. } => (&self.0.other, 1),
            PipelineEvent::Settled { .. } => return self.show(),
            _ => return,
        };
        count.fetch_add(by, Ordering::Relaxed);
    }
}

impl<'a> MakeWriter<'a> for Progress {
    type Writer = LogWriter<'a>;

    fn make_writer(&'a self) -> LogWriter<'a> {
        LogWriter(self)
    }
}

/// Writes log lines above the progress.
#[derive(Debug)]
pub struct LogWriter<'a>(&'a Progress);

impl Write for LogWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let write = || io::stderr().write_all(bytes);
        match &self.0.0.bar {
            Some(bar) => bar.suspend(write)?,
            None => write()?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
