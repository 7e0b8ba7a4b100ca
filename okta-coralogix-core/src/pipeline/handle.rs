//! A look at a pipeline from outside, before, during and after its run.

use std::sync::Arc;
use std::time::Duration;

use super::Summary;
use super::live::{Live, Phase};
use crate::observe::{PipelineContext, Reporter, Stage};

/// Shows what a pipeline does. It can be kept and cloned while the run has the pipeline.
#[derive(Debug, Clone)]
pub struct PipelineHandle {
    live: Arc<Live>,
    reporter: Reporter,
}

/// What a pipeline does at a moment.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PipelineStatus {
    /// What it does.
    pub state: PipelineState,
    /// The counts so far: [`received`](Summary::received) is the sum of the ends and of `pending`.
    pub summary: Summary,
    /// Items that were received and have not ended.
    pub pending: usize,
    /// Deliveries that are not settled.
    pub deliveries: usize,
    /// Requests to the sink that are being sent or wait to be sent again.
    pub requests: usize,
    /// Since a request was last accepted, or a delivery settled; `None`: never in this run.
    pub since_progress: Option<Duration>,
    /// What fails and is retried, also while the run drains.
    pub faults: Vec<FaultStatus>,
}

/// What a pipeline does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PipelineState {
    /// The run has not started.
    NotStarted,
    /// It receives and sends, and nothing fails.
    Running,
    /// It receives and sends, and something fails and is retried: [`PipelineStatus::faults`].
    Retrying,
    /// It receives nothing more, and finishes what is in flight.
    Draining,
    /// The run has ended, or its future was dropped.
    Ended,
}

impl PipelineState {
    /// Its name, as a label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotStarted => "not_started",
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Draining => "draining",
            Self::Ended => "ended",
        }
    }
}

/// A part of a pipeline that fails and is retried.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FaultStatus {
    /// Which part.
    pub stage: Stage,
    /// Since its first failure.
    pub lasts: Duration,
    /// The last error with its causes, as a log would have it.
    pub error: String,
}

impl PipelineHandle {
    pub(super) fn new(live: Arc<Live>, reporter: Reporter) -> Self {
        Self { live, reporter }
    }

    /// The names of the pipeline and its source.
    #[must_use]
    pub fn context(&self) -> PipelineContext<'_> {
        self.reporter.context()
    }

    /// What the pipeline does now. The counts are of one moment, that of the last turn of its loop.
    #[must_use]
    pub fn status(&self) -> PipelineStatus {
        let shown = self.live.now();
        let faults = match shown.phase {
            Phase::Ended => Vec::new(),
            _ => self.reporter.faults(),
        };
        let faults = faults.into_iter();
        let faults: Vec<_> = faults
            .map(|(stage, fault)| FaultStatus {
                stage,
                lasts: fault.since.elapsed(),
                error: fault.error,
            })
            .collect();
        PipelineStatus {
            state: match shown.phase {
                Phase::NotStarted => PipelineState::NotStarted,
                Phase::Running if faults.is_empty() => PipelineState::Running,
                Phase::Running => PipelineState::Retrying,
                Phase::Draining => PipelineState::Draining,
                Phase::Ended => PipelineState::Ended,
            },
            summary: shown.summary,
            pending: shown.pending,
            deliveries: shown.deliveries,
            requests: shown.requests,
            since_progress: shown.progress.map(|at| at.elapsed()),
            faults,
        }
    }

    /// Makes the loop of the run turn, and resolves once it has: a liveness probe, with a timeout around it. False if the run has not
    /// started or has ended. It does not depend on what the source or the sink do.
    pub async fn turn(&self) -> bool {
        self.live.turn().await
    }

    /// Ends the waits between attempts, those after a refused credential included: what failed is tried again at once. The waits that
    /// tell a bad entry from a bad endpoint, and those of a source for its request budget, stay.
    pub fn retry_now(&self) {
        self.live.ask_to_retry();
    }
}
