//! `--dry-run`: entries go to standard output, and what they amount to to standard error. Nothing is stored.

mod logged_dead_letters;
mod page;
mod report;
mod tally;

use std::io::Write;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use okta_coralogix_core::checkpoint::CheckpointStore;
use okta_coralogix_core::dead_letter::DeadLetters;
use okta_coralogix_core::filter::AgePolicy;
use okta_coralogix_core::mapping::MappingError;
use okta_coralogix_core::observe::Observer;
use okta_coralogix_core::sink::NdjsonSink;
use okta_coralogix_core::testing::MemoryCheckpoint;
use okta_coralogix_core::{Error, LogEntry, LogSink, Mapping, RawEvent, Result};
use okta_source::StartPoint;

use self::logged_dead_letters::LoggedDeadLetters;
use self::page::Page;
use self::report::Report;
use self::tally::Tally;
use super::args::{DRY_RUN, HTML, PullArgs};
use super::config::Rehearsal;
use crate::program::progress::Progress;
use crate::program::{Environment, ExitStatus, print_error};

/// A dry run of one org or of many. Clones count together.
#[derive(Debug, Clone)]
pub(super) struct DryRun {
    sink: NdjsonSink,
    tally: Arc<Tally>,
    /// That of `--html`.
    page: Option<Arc<Page>>,
}

impl DryRun {
    /// That of `--dry-run`, with the page of `--html`.
    ///
    /// # Errors
    /// `Config` if there is a page without a dry run, or it cannot be written where it should be.
    pub(super) fn read(args: &PullArgs, environment: &Environment) -> Result<Option<Self>> {
        let values = args.mode.values(environment);
        let html = HTML.given(&values)?;
        let name = || match values.find(&HTML.about) {
            Ok(Some(written)) => written.setting,
            _ => HTML.about.flag.to_owned(),
        };
        match (DRY_RUN.get(&values)?, html) {
            (false, None) => Ok(None),
            (false, Some(_)) => {
                let detail = "is the page of a dry run: add --dry-run";
                Err(Error::config(&name(), detail))
            }
            (true, html) => {
                let page = html.map(|file| Page::create(&name(), &file));
                Ok(Some(Self {
                    sink: NdjsonSink::stdout(),
                    tally: Arc::default(),
                    page: page.transpose()?.map(Arc::new),
                }))
            }
        }
    }

    /// The mapping, whose entries a page takes its samples from.
    pub(super) fn mapping(&self, mapping: impl Mapping) -> impl Mapping {
        let dry_run = self.clone();
        mapping.adjusted(move |event, entry| dry_run.entry(event, entry))
    }

    pub(super) fn sink(&self) -> Arc<dyn LogSink> {
        Arc::new(self.sink.clone())
    }

    /// In place of the file: forgotten with the process.
    pub(super) fn checkpoint() -> Arc<dyn CheckpointStore> {
        Arc::new(MemoryCheckpoint::default())
    }

    pub(super) fn dead_letters() -> Arc<dyn DeadLetters> {
        Arc::new(LoggedDeadLetters)
    }

    /// Counts what the pipelines deliver.
    pub(super) fn observer(&self) -> impl Observer + Clone + use<> {
        (Arc::clone(&self.tally), self.page.clone())
    }

    /// An integration begins to read at `start`; under `too_old` events beyond the limit are not sent.
    pub(super) fn begins(
        &self,
        integration: &str,
        start: StartPoint,
        too_old: AgePolicy,
        now: DateTime<Utc>,
    ) {
        if let StartPoint::Since(start) = start {
            self.tally.begins(integration, start, too_old, now);
        }
    }

    /// Prints the summary on stderr, as a table for people in front of it unless the log is JSON. `through`: everything before this time
    /// was read, if the run has come to its end.
    pub(super) fn ended(
        &self,
        status: ExitStatus,
        through: Option<DateTime<Utc>>,
        progress: &Progress,
    ) -> ExitStatus {
        let (code, error, summary) = status.into_parts();
        let through = through.filter(|_| code == 0);
        let report = Report::new(summary.unwrap_or_default(), &self.tally, through);
        let mut lines = Vec::new();
        if !progress.logs_json() {
            lines = report.table();
        }
        lines.push(serde_json::to_string(&report).unwrap_or_default());
        if let Some(page) = &self.page {
            page.write(&report);
        }
        if let Some(error) = error {
            print_error(&error);
        }
        // A closed stderr means that nobody reads it.
        writeln!(std::io::stderr(), "{}", lines.join("\n")).ok();
        ExitStatus::Silent(code, None)
    }
}

impl Rehearsal for DryRun {
    fn sink(&self) -> Arc<dyn LogSink> {
        self.sink()
    }

    fn checkpoint(&self) -> Arc<dyn CheckpointStore> {
        Self::checkpoint()
    }

    fn observer(&self) -> Arc<dyn Observer> {
        Arc::new(self.observer())
    }

    fn begins(&self, integration: &str, start: StartPoint, too_old: AgePolicy, now: DateTime<Utc>) {
        self.begins(integration, start, too_old, now);
    }

    fn entry(&self, event: &RawEvent, entry: LogEntry) -> Result<LogEntry, MappingError> {
        match &self.page {
            Some(page) => page.sample(event, entry),
            None => Ok(entry),
        }
    }
}
