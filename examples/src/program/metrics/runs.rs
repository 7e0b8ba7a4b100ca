//! The runs of one pipeline, one after the other: an org of `--config` is opened again and again.

use okta_coralogix_core::Summary;
use okta_coralogix_core::pipeline::{FaultStatus, PipelineHandle, PipelineState, PipelineStatus};

/// The handles of the runs, and the sums of those that have ended.
#[derive(Debug, Default)]
pub(super) struct Runs {
    past: Summary,
    /// Of runs that have not been added to `past`; the newest last.
    handles: Vec<PipelineHandle>,
    /// Why it does not run, until it is opened again.
    down: Option<String>,
    /// It waits for its log, until it is opened.
    is_standby: bool,
}

/// What a pipeline does, between its runs too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::program) enum RunState {
    /// It was not opened yet.
    Opening,
    /// Another replica reads its log.
    Standby,
    /// Its last run ended with an error; it is opened again.
    Down,
    /// That of the last run.
    Of(PipelineState),
}

impl RunState {
    pub(in crate::program) fn as_str(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Standby => "standby",
            Self::Down => "down",
            Self::Of(state) => state.as_str(),
        }
    }

    /// True while a run goes on.
    pub(in crate::program) fn is_running(self) -> bool {
        matches!(
            self,
            Self::Of(PipelineState::Running | PipelineState::Retrying | PipelineState::Draining)
        )
    }
}

/// All runs together, at one moment.
#[derive(Debug)]
pub(in crate::program) struct Totals {
    pub(in crate::program) state: RunState,
    /// `received` is the sum of the ends and of `pending`.
    pub(in crate::program) summary: Summary,
    pub(in crate::program) pending: u64,
    /// Of the last run.
    pub(in crate::program) last: Option<PipelineStatus>,
    pub(in crate::program) down: Option<String>,
}

impl Totals {
    /// What fails in the last run.
    pub(in crate::program) fn faults(&self) -> &[FaultStatus] {
        self.last.as_ref().map_or(&[], |last| &last.faults)
    }
}

impl Runs {
    /// The next run has been opened.
    pub(super) fn attach(&mut self, handle: PipelineHandle) {
        self.add_ended();
        // One that never ran has counted nothing.
        self.handles
            .retain(|handle| handle.status().state != PipelineState::NotStarted);
        self.handles.push(handle);
        self.down = None;
        self.is_standby = false;
    }

    pub(super) fn down(&mut self, error: String) {
        self.down = Some(error);
        self.is_standby = false;
    }

    /// Its log is waited for.
    pub(super) fn standby(&mut self) {
        self.down = None;
        self.is_standby = true;
    }

    /// Moves the counts of runs that have ended to the sums.
    fn add_ended(&mut self) {
        let past = &mut self.past;
        self.handles.retain(|handle| {
            let status = handle.status();
            let ended = status.state == PipelineState::Ended;
            if ended {
                *past += status.summary;
            }
            !ended
        });
    }

    /// The counts never go back: each run is counted by its handle until it has ended, and then by its last summary.
    pub(super) fn totals(&self) -> Totals {
        let mut summary = self.past;
        let mut pending = 0;
        let mut last = None;
        for handle in &self.handles {
            let status = handle.status();
            summary += status.summary;
            pending += status.pending as u64;
            last = Some(status);
        }
        let state = match (&last, &self.down) {
            (_, Some(_)) => RunState::Down,
            _ if self.is_standby => RunState::Standby,
            (Some(last), None) => RunState::Of(last.state),
            (None, None) => RunState::Opening,
        };
        Totals {
            state,
            summary,
            pending,
            last,
            down: self.down.clone(),
        }
    }

    /// The handles of runs that go on.
    pub(super) fn running(&self) -> Vec<PipelineHandle> {
        let handles = self.handles.iter();
        let running = |handle: &&PipelineHandle| {
            let state = handle.status().state;
            RunState::Of(state).is_running()
        };
        handles.filter(running).cloned().collect()
    }
}
