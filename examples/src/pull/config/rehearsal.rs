//! A run that leaves nothing behind.

use std::fmt::Debug;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use okta_coralogix_core::checkpoint::CheckpointStore;
use okta_coralogix_core::filter::AgePolicy;
use okta_coralogix_core::mapping::MappingError;
use okta_coralogix_core::observe::Observer;
use okta_coralogix_core::{LogEntry, LogSink, RawEvent, Result};
use okta_source::StartPoint;

/// What takes the place of Coralogix and of the files of positions in a run that leaves nothing behind.
pub trait Rehearsal: Debug + Send + Sync + 'static {
    /// In place of Coralogix.
    fn sink(&self) -> Arc<dyn LogSink>;

    /// In place of a file: forgotten with the process.
    fn checkpoint(&self) -> Arc<dyn CheckpointStore>;

    /// Watches every pipeline.
    fn observer(&self) -> Arc<dyn Observer>;

    /// An integration begins to read at `start`; under `too_old` events beyond the limit are not sent.
    fn begins(&self, integration: &str, start: StartPoint, too_old: AgePolicy, now: DateTime<Utc>);

    /// Sees an entry before it is sent, and gives it on.
    ///
    /// # Errors
    /// If it cannot be; its event is then a dead letter.
    fn entry(&self, event: &RawEvent, entry: LogEntry) -> Result<LogEntry, MappingError>;
}
