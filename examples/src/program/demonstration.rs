//! The parts of a demonstration: a simulator of Coralogix that fails at first, a backlog of all sorts of events, and the check of the result.

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use coralogix_sink::CoralogixSink;
use coralogix_sink::simulator::{CoralogixServer, CoralogixSimulator, Fault, RetryAfter};
use okta_coralogix_core::filter::AgeFilter;
use okta_coralogix_core::pipeline::{PipelineBuilder, RunError};
use okta_coralogix_core::testing::EventGenerator;
use okta_coralogix_core::{Error, ErrorKind, EventSource, Result, Summary};
use tempfile::TempDir;

use super::ExitStatus;
use super::pipeline::configure;
use super::pipeline_settings::PipelineOptions;
use super::progress::Progress;
use super::signals;

/// The API key that the ingress accepts.
pub const KEY: &str = "demonstration-key";

/// An ingress that refuses events older than 24 hours and fails twice at first, and a folder for the program's files.
#[derive(Debug)]
pub struct Demonstration {
    /// The ingress.
    pub ingress: CoralogixSimulator,
    /// Its socket.
    pub server: CoralogixServer,
    folder: TempDir,
    /// A signal has asked to stop before the end.
    is_stopped: Arc<AtomicBool>,
}

impl Demonstration {
    /// Starts the ingress.
    ///
    /// # Errors
    /// `Storage` if this machine gives no socket or no folder.
    pub async fn start() -> Result<Self> {
        let ingress = CoralogixSimulator::builder()
            .key(KEY)
            .max_age(AgeFilter::DEFAULT_LIMIT)
            .build();
        ingress.fail_next(1, Fault::status(503));
        ingress.fail_next(1, Fault::retry_after(429, RetryAfter::Seconds(1)));
        Ok(Self {
            server: ingress.serve().await.map_err(cannot_start)?,
            ingress,
            folder: tempfile::tempdir().map_err(cannot_start)?,
            is_stopped: Arc::default(),
        })
    }

    /// Resolves at a signal that asks to stop: what is missing then is no fault.
    ///
    /// # Errors
    /// As [`signals::shutdown`].
    pub fn shutdown(&self) -> Result<impl Future<Output = ()> + use<>> {
        let (shutdown, is_stopped) = (signals::shutdown()?, Arc::clone(&self.is_stopped));
        Ok(async move {
            shutdown.await;
            is_stopped.store(true, Ordering::Relaxed);
        })
    }

    /// A sink that sends to the ingress.
    ///
    /// # Errors
    /// None that is expected.
    pub fn sink(&self) -> Result<CoralogixSink> {
        sink(&self.server)
    }

    /// A pipeline as the programs have it, with its usual times.
    pub fn configure<S: EventSource>(
        &self,
        builder: PipelineBuilder<S>,
        progress: &Progress,
    ) -> PipelineBuilder<S> {
        let settings = PipelineOptions::default();
        configure(builder, progress.observer(), &settings, None)
    }

    /// The path of a file that lives as long as the demonstration.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Prints how the run has ended, and compares its summary with the events in the ingress. `repeats` says where duplicates come from.
    #[must_use]
    pub fn verify(
        &self,
        ended: Result<Summary, RunError>,
        expected: &HashSet<String>,
        repeats: &str,
    ) -> ExitStatus {
        let Ok(summary) = ended else {
            return ended.into();
        };
        let ended = [
            ("delivered", summary.delivered, ""),
            (
                "too old",
                summary.too_old,
                "more than 24 hours since the event",
            ),
            ("duplicate", summary.duplicate, repeats),
            ("filtered", summary.filtered, ""),
            (
                "dead-lettered",
                summary.dead_lettered,
                "malformed; their bytes are kept",
            ),
            ("handed back", summary.handed_back, ""),
        ];
        let received = summary.received;
        print(&format!("{:<14} {received:>6}", "received"));
        for (name, count, remark) in ended {
            match remark {
                "" => print(&format!("{name:<14} {count:>6}")),
                _ => print(&format!("{name:<14} {count:>6}  ({remark})")),
            }
        }
        let counts = ended.map(|(_, count, _)| count.to_string()).join(" + ");
        let sum = summary.ended();
        print(&format!("{counts} = {sum}, received {received}"));
        let ledger = self.ingress.ledger();
        let missing = ledger.missing(expected.iter().map(String::as_str)).len();
        let repeated = ledger.repeats();
        print(&format!(
            "in the ingress: {} events, {missing} missing, {repeated} repeated",
            ledger.entries().len()
        ));
        if self.is_stopped.load(Ordering::Relaxed) {
            print("stopped before its end: what is missing was not sent yet");
            return ExitStatus::of_run(summary, None);
        }
        let adds_up = summary.is_balanced() && missing == 0 && repeated == 0;
        let error = fault_of_the_program("the demonstration does not add up");
        ExitStatus::of_run(summary, (!adds_up).then_some(error))
    }
}

/// A sink that sends to a simulator.
///
/// # Errors
/// None that is expected.
pub fn sink(server: &CoralogixServer) -> Result<CoralogixSink> {
    let sink = CoralogixSink::builder().endpoint(server.base_url());
    sink.api_key(KEY).build()
}

/// The number of events of each sort beside the fresh ones.
const OLD: usize = 40;
const REPEATED: usize = 60;
const MALFORMED: usize = 5;

/// Events that were published at the times of `fresh`, between them some that are too old, repeated or malformed; and the UUIDs that
/// must arrive.
#[must_use]
pub fn backlog(now: DateTime<Utc>, fresh: &[DateTime<Utc>]) -> (Vec<Bytes>, HashSet<String>) {
    let mut generator = EventGenerator::new(20);
    let (mut events, expected): (Vec<_>, _) = fresh
        .iter()
        .map(|published| generator.event(*published))
        .map(|event| (event.json, event.uuid))
        .unzip();
    for n in 0..OLD {
        let event = generator.event(now - TimeDelta::hours(30 + n as i64));
        events.insert(n * fresh.len() / OLD, event.json);
    }
    for n in 0..REPEATED {
        let copy = events[n * 7].clone();
        events.insert(events.len() - n, copy);
    }
    for n in 0..MALFORMED {
        let bad = format!("{{\"uuid\":\"malformed {n}\",\"published\":\"yesterday\"}}");
        events.insert((n + 1) * fresh.len() / (MALFORMED + 1), bad.into());
    }
    (events, expected)
}

/// A demonstration that the operating system does not let start.
#[must_use]
pub fn cannot_start(error: io::Error) -> Error {
    let detail = format!("the demonstration cannot start: {error}");
    Error::new(ErrorKind::Storage, detail).with_source(error)
}

/// An error that no user can cause.
#[must_use]
pub fn fault_of_the_program(detail: &str) -> Error {
    let detail = format!("{detail}: this is a fault of the program");
    Error::new(ErrorKind::UnexpectedResponse, detail)
}

/// Prints a line on stderr.
pub fn print(line: &str) {
    writeln!(io::stderr(), "{line}").ok();
}
