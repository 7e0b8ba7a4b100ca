//! Where a run of one org keeps its position and its dead letters, and where it sends to.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use okta_coralogix_core::checkpoint::{CheckpointStore, FileCheckpoint};
use okta_coralogix_core::dead_letter::DeadLetters;
use okta_coralogix_core::{LogSink, Result};

use super::dry_run::DryRun;
use super::settings::Mode;
use crate::program::ProgramDeadLetters;
use crate::program::args::in_setting;
use crate::program::pipeline_settings::PipelineSettings;

/// The stores of a run, opened.
#[derive(Debug)]
pub(super) struct Stores {
    pub(super) checkpoint: Arc<dyn CheckpointStore>,
    pub(super) dead_letters: Arc<dyn DeadLetters>,
    pub(super) sink: Arc<dyn LogSink>,
    /// Those of the checkpoint and of the dead letters. `None` in a dry run, which leaves nothing behind.
    files: Option<(PathBuf, PathBuf)>,
}

impl Stores {
    /// `setting` names the file of the checkpoint.
    pub(super) async fn open(
        mode: &Mode,
        setting: &str,
        checkpoint: &Path,
        pipeline: &PipelineSettings,
    ) -> Result<Self> {
        let sink = match mode {
            Mode::Send(sink) => Arc::clone(sink),
            Mode::DryRun(dry_run) => {
                return Ok(Self {
                    checkpoint: DryRun::checkpoint(),
                    dead_letters: DryRun::dead_letters(),
                    sink: dry_run.sink(),
                    files: None,
                });
            }
        };
        pipeline.state.create()?;
        let opened = FileCheckpoint::open(checkpoint).await;
        let store = opened.map_err(in_setting(setting))?;
        let letters = ProgramDeadLetters::open(pipeline).await?;
        let files = (checkpoint.to_owned(), PathBuf::from(letters.location()));
        Ok(Self {
            checkpoint: Arc::new(store),
            dead_letters: Arc::new(letters),
            sink,
            files: Some(files),
        })
    }

    pub(super) fn checkpoint_file(&self) -> Option<&Path> {
        self.files.as_ref().map(|(checkpoint, _)| &**checkpoint)
    }

    pub(super) fn dead_letters_file(&self) -> Option<&Path> {
        self.files.as_ref().map(|(_, letters)| &**letters)
    }
}
