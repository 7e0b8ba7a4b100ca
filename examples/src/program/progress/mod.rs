//! Progress and log on stderr: on a terminal a line for each integration, redrawn below the log; elsewhere lines of the log.

mod counts;
mod integration;
mod schedule;
mod task;
mod work;

pub use task::TaskProgress;
pub use work::Work;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use okta_coralogix_core::observe::{Observer, PipelineContext, PipelineEvent, TracingObserver};
use okta_coralogix_core::{Clock, SystemClock};
use tokio::time::{MissedTickBehavior, interval};
use tracing::Span;
use tracing_subscriber::fmt::MakeWriter;

use self::integration::Integration;
use super::log::LogSettings;

/// How often progress is drawn, and looked at whether a line is due.
const TICK: Duration = Duration::from_secs(1);

/// Integrations that are drawn, at most: a terminal has few lines.
const MAX_BARS: usize = 20;

/// Counts the events of all integrations and shows the counts. Clones share them.
#[derive(Debug, Clone)]
pub struct Progress(Arc<Shown>);

#[derive(Debug)]
struct Shown {
    settings: LogSettings,
    bars: MultiProgress,
    /// By name.
    integrations: Mutex<BTreeMap<String, Arc<Integration>>>,
    is_ticking: OnceLock<()>,
    /// The runs end once they have caught up.
    has_end: AtomicBool,
    log: TracingObserver,
}

impl Progress {
    /// Sends the log of the process to stderr, above the progress.
    #[must_use]
    pub fn start(settings: LogSettings) -> Self {
        let target = match settings.draws {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let progress = Self(Arc::new(Shown {
            settings,
            bars: MultiProgress::with_draw_target(target),
            integrations: Mutex::default(),
            is_ticking: OnceLock::new(),
            has_end: AtomicBool::new(false),
            log: TracingObserver::new(),
        }));
        progress.0.settings.start(progress.clone());
        progress
    }

    /// An observer for pipelines, whose progress is shown from now on. Each pipeline has a clone of its own.
    #[must_use]
    pub fn observer(&self) -> ProgressObserver {
        self.0.is_ticking.get_or_init(|| {
            tokio::spawn(tick(Arc::downgrade(&self.0)));
        });
        ProgressObserver {
            shown: Arc::clone(&self.0),
            integration: OnceLock::new(),
        }
    }

    /// The runs end once they have caught up with the present time: progress is shown as a share.
    pub fn expect_end(&self) {
        self.0.has_end.store(true, Ordering::Relaxed);
    }

    /// The run of this integration has an end: its progress is shown as a share.
    pub fn expect(&self, integration: &str, work: Work) {
        self.0.integration(integration).set_work(work);
    }

    /// The integration of this name has ended before the program: its last counts are shown, and it is drawn no more.
    pub fn forget(&self, integration: &str) {
        let known = self.0.integrations().remove(integration);
        if let Some(known) = known {
            known.finish(SystemClock.now(), &self.0.settings);
        }
    }

    /// True if the log is JSON, so that what stands beside it has to be so too.
    #[must_use]
    pub fn logs_json(&self) -> bool {
        self.0.settings.is_json()
    }

    /// Shows the last counts and stops drawing.
    pub fn finish(&self) {
        let now = SystemClock.now();
        for integration in self.0.all() {
            integration.finish(now, &self.0.settings);
        }
    }
}

impl Shown {
    fn integrations(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Integration>>> {
        self.integrations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> Vec<Arc<Integration>> {
        self.integrations().values().cloned().collect()
    }

    fn integration(&self, name: &str) -> Arc<Integration> {
        let mut integrations = self.integrations();
        if let Some(known) = integrations.get(name) {
            return Arc::clone(known);
        }
        let is_drawn = self.settings.draws && integrations.len() < MAX_BARS;
        let bar = is_drawn.then(|| self.bars.add(bar()));
        let integration = Arc::new(Integration::new(name, bar));
        if self.has_end.load(Ordering::Relaxed) {
            integration.set_work(Work::Until(SystemClock.now()));
        }
        integrations.insert(name.to_owned(), Arc::clone(&integration));
        integration
    }

    fn tick(&self) {
        let now = SystemClock.now();
        for integration in self.all() {
            integration
                .span
                .in_scope(|| self.log.flush(&integration.name));
            integration.tick(now, &self.settings);
        }
    }
}

/// Ticks for as long as anything else holds the progress.
async fn tick(shown: Weak<Shown>) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match shown.upgrade() {
            Some(shown) => shown.tick(),
            None => return,
        }
    }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {elapsed:>4} {msg}");
    let bar = ProgressBar::new_spinner();
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// The observer of one pipeline.
#[derive(Debug)]
pub struct ProgressObserver {
    shown: Arc<Shown>,
    /// Known from the first event on: it is not looked for again with each of them.
    integration: OnceLock<Arc<Integration>>,
}

impl Clone for ProgressObserver {
    /// For another pipeline.
    fn clone(&self) -> Self {
        Self {
            shown: Arc::clone(&self.shown),
            integration: OnceLock::new(),
        }
    }
}

impl Observer for ProgressObserver {
    fn observe(&self, context: &PipelineContext<'_>, event: &PipelineEvent<'_>) {
        let find = || self.shown.integration(context.pipeline);
        let integration = self.integration.get_or_init(find);
        integration.counts.count(event, SystemClock.now());
        let log = || self.shown.log.observe(context, event);
        match event {
            // They are logged only with others, which come often enough.
            PipelineEvent::Ended { .. } => log(),
            // A connection of an endpoint, or a task, has no span.
            _ if Span::current().is_none() => integration.span.in_scope(log),
            _ => log(),
        }
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
        match self.0.0.settings.draws {
            true => self.0.0.bars.suspend(write)?,
            false => write()?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
