//! What fails at present, told by the events.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{PipelineEvent, Stage};
use crate::Error;
use crate::text::with_causes;

/// What fails, by stage. A stage *works*, or *fails* since the first failure that is retried. The next success ends that; so does idleness,
/// after which it is taken to work.
#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<[Option<Fault>; Stage::ALL.len()]>);

/// A failure that is retried.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) since: Instant,
    /// The last error with its causes.
    pub(crate) error: String,
}

/// What an event says of a stage.
enum Sign<'a> {
    Works(Stage),
    Fails(Stage, &'a Error),
}

impl Faults {
    /// Takes note of an event. The stage that works again with it, and after how long.
    pub(super) fn note(&self, event: &PipelineEvent<'_>) -> Option<(Stage, Duration)> {
        match sign(event)? {
            Sign::Works(stage) => {
                let fault = self.state()[stage as usize].take()?;
                Some((stage, fault.since.elapsed()))
            }
            Sign::Fails(stage, error) => {
                let error = with_causes(error);
                match &mut self.state()[stage as usize] {
                    Some(fault) => fault.error = error,
                    works => {
                        *works = Some(Fault {
                            since: Instant::now(),
                            error,
                        });
                    }
                }
                None
            }
        }
    }

    /// Nothing can tell any more whether the stage works. What had failed.
    pub(super) fn forget(&self, stage: Stage) -> Option<Fault> {
        self.state()[stage as usize].take()
    }

    /// The stages that fail.
    pub(super) fn present(&self) -> Vec<(Stage, Fault)> {
        let state = self.state();
        let faults = Stage::ALL.into_iter().zip(&*state);
        faults
            .filter_map(|(stage, fault)| Some((stage, fault.clone()?)))
            .collect()
    }

    fn state(&self) -> MutexGuard<'_, [Option<Fault>; Stage::ALL.len()]> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn sign<'a>(event: &PipelineEvent<'a>) -> Option<Sign<'a>> {
    match event {
        PipelineEvent::Received { .. } | PipelineEvent::Polled { .. } => {
            Some(Sign::Works(Stage::Source))
        }
        PipelineEvent::Accepted { .. } => Some(Sign::Works(Stage::Sink)),
        PipelineEvent::DeadLettered { .. } => Some(Sign::Works(Stage::DeadLetters)),
        PipelineEvent::Settled { .. } => Some(Sign::Works(Stage::Settlement)),
        PipelineEvent::SourceFailed {
            error,
            retry_in: Some(_),
        } => Some(Sign::Fails(Stage::Source, error)),
        PipelineEvent::SendFailed {
            error,
            retry_in: Some(_),
            is_suspect: false,
            ..
        } => Some(Sign::Fails(Stage::Sink, error)),
        PipelineEvent::DeadLettersFailed {
            error,
            retry_in: Some(_),
        } => Some(Sign::Fails(Stage::DeadLetters, error)),
        PipelineEvent::SettleFailed { error } => Some(Sign::Fails(Stage::Settlement, error)),
        _ => None,
    }
}
