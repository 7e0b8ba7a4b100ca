//! The parts of a pipeline and its bounds, as the builder was given them.

use std::sync::Arc;
use std::time::Duration;

use crate::backoff::BackoffPolicy;
use crate::dead_letter::DeadLetters;
use crate::filter::{AgeFilter, DedupWindow, EventFilter};
use crate::remote_record::FaultTimeouts;
use crate::sink::{Patience, SinkState};
use crate::{Clock, Lease, LogSink, Mapping};

/// The parts of a pipeline, which all steps of a run share.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) sink: Arc<dyn LogSink>,
    pub(super) sink_state: SinkState,
    pub(super) mapping: Arc<dyn Mapping>,
    pub(super) age: AgeFilter,
    pub(super) filters: Vec<Arc<dyn EventFilter>>,
    pub(super) dead_letters: Arc<dyn DeadLetters>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) backoff: BackoffPolicy,
    pub(super) lease: Option<Arc<dyn Lease>>,
    /// In the place of the source's.
    pub(super) dedup: Option<DedupWindow>,
}

/// The bounds of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) deliveries: usize,
    pub(super) events: usize,
    pub(super) bytes: usize,
    pub(super) requests: usize,
    pub(super) linger: Duration,
    pub(super) drain: Duration,
    pub(super) give_up: Option<Duration>,
    pub(super) faults: FaultTimeouts,
    pub(super) patience: Patience,
    pub(super) seed: u64,
}
