//! What is printed, and the line that is kept of it.

use std::error::Error;
use std::fs::OpenOptions;
use std::io::{self, Write};

use chrono::SecondsFormat;
use okta_coralogix_core::{Clock, SystemClock};
use serde_json::{Map, Value, json};

use super::Run;
use super::backlog::{PAGES, Spelling};

/// Where a line of each report is kept.
const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/pull_cost.jsonl");

/// How events are written and sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    pub(super) name: &'static str,
    pub(super) spelling: Spelling,
    pub(super) tls: bool,
}

impl Way {
    pub(super) const ALL: [Self; 4] = [
        Self::new("compact", Spelling::Compact, false),
        Self::new("spaced", Spelling::Spaced, false),
        Self::new("compact, TLS", Spelling::Compact, true),
        Self::new("spaced, TLS", Spelling::Spaced, true),
    ];

    const fn new(name: &'static str, spelling: Spelling, tls: bool) -> Self {
        Self {
            name,
            spelling,
            tls,
        }
    }
}

pub(super) struct Report {
    events: usize,
    line: Map<String, Value>,
}

/// The median.
pub(super) fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

fn say(text: &str) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{text}")
}

impl Report {
    pub(super) fn new(events: usize) -> Self {
        let mut line = Map::new();
        let time = SystemClock.now().to_rfc3339_opts(SecondsFormat::Secs, true);
        line.insert("time".into(), time.into());
        line.insert("events".into(), events.into());
        Self { events, line }
    }

    pub(super) fn bare_path(&mut self, seconds: f64) -> io::Result<()> {
        self.line.insert("bare_path_seconds".into(), seconds.into());
        say(&format!(
            "{} events; the bare path and gzip take {seconds:.2} CPU seconds",
            self.events
        ))
    }

    pub(super) fn head(&self) -> io::Result<()> {
        say(&format!(
            "{:<14} {:>6} {:>7} {:>13} {:>6} {:>14} {:>16} {:>9} {:>12}",
            "",
            "user",
            "system",
            "events/CPU s",
            "MiB",
            "faults/page",
            "switches/page",
            "requests",
            "connections"
        ))
    }

    pub(super) fn way(&mut self, way: Way, runs: &[Run]) -> io::Result<()> {
        let of = |figure: fn(&Run) -> f64| median(runs.iter().map(figure));
        let user = of(|run| run.usage.user);
        let system = of(|run| run.usage.system);
        let rate = self.events as f64 / of(|run| run.usage.cpu());
        let peak = of(|run| run.usage.peak_kib as f64 / 1024.0);
        let faults = of(|run| run.usage.faults as f64 / PAGES as f64);
        let switches = of(|run| run.usage.switches as f64 / PAGES as f64);
        let requests = of(|run| (run.polls + run.requests) as f64);
        let connections = of(|run| run.connections as f64);
        self.line.insert(
            way.name.into(),
            json!({
                "user": user, "system": system, "events_per_cpu_second": rate.round(), "peak_mib": peak,
                "faults_per_page": faults, "switches_per_page": switches, "requests": requests, "connections": connections,
            }),
        );
        say(&format!(
            "{:<14} {user:>6.2} {system:>7.2} {rate:>13.0} {peak:>6.1} {faults:>14.0} {switches:>16.0} {requests:>9.0} {:>12}",
            way.name,
            if way.tls {
                connections.to_string()
            } else {
                "-".to_owned()
            },
        ))
    }

    pub(super) fn forwarder(&mut self, ratio: Result<f64, Box<dyn Error>>) -> io::Result<()> {
        match ratio {
            Ok(ratio) => {
                self.line.insert("forwarder".into(), ratio.into());
                say(&format!(
                    "a naive forwarder in Python takes {ratio:.1} times the CPU time (median of the pairs)"
                ))
            }
            Err(error) => say(&format!("the naive forwarder is skipped: {error}")),
        }
    }

    /// The memory of a process with so many orgs, after so many events of each.
    pub(super) fn orgs(&mut self, orgs: usize, events: usize, kib: u64) -> io::Result<()> {
        self.line
            .insert(format!("kib_{orgs}_orgs_{events}_events"), kib.into());
        say(&format!(
            "{orgs} orgs, idle after {events} events each: {:.1} MiB",
            kib as f64 / 1024.0
        ))
    }

    /// Appends the line, and prints it.
    pub(super) fn keep(self) -> Result<(), Box<dyn Error>> {
        let line = Value::Object(self.line).to_string();
        let mut file = OpenOptions::new().create(true).append(true).open(KEPT)?;
        writeln!(file, "{line}")?;
        Ok(say(&line)?)
    }
}
