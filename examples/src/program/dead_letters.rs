//! The dead letters of a program: in a file, or in the log.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use okta_coralogix_core::checkpoint::shared::SharedStore;
use okta_coralogix_core::dead_letter::{
    DeadLetter, DeadLetterRecord, DeadLetters, FileDeadLetters, ObjectDeadLetters,
};
use okta_coralogix_core::{Error, ErrorKind, Result};

use super::pipeline::open_dead_letters;
use super::pipeline_settings::{DEAD_LETTERS, PipelineSettings};
use super::state_files::is_state;

/// Clones write to the same file or log.
#[derive(Debug, Clone)]
pub enum ProgramDeadLetters {
    /// The file of `--dead-letters`.
    File(Arc<FileDeadLetters>),
    /// Standard output, a line each: Lambda keeps it in CloudWatch Logs, a container's runtime in its log.
    Log,
    /// Objects beside the positions that replicas share.
    State(ObjectDeadLetters),
}

impl ProgramDeadLetters {
    /// Opens the file of `--dead-letters` in the folder of `--state-dir`, which is created if it is missing; `-` is the log.
    ///
    /// # Errors
    /// `Config` if the folder cannot be created, or dead letters are to be kept where replicas share the positions, `Storage` if the file
    /// cannot be opened.
    pub async fn open(settings: &PipelineSettings) -> Result<Self> {
        Self::open_beside(settings, None).await
    }

    /// As [`open`](Self::open), of a program whose replicas share their positions in `state`.
    ///
    /// # Errors
    /// As there.
    pub async fn open_beside(
        settings: &PipelineSettings,
        state: Option<&SharedStore>,
    ) -> Result<Self> {
        if is_state(&settings.dead_letters) {
            let letters = state.map(ObjectDeadLetters::new);
            return letters.map(Self::State).ok_or_else(without_state);
        }
        settings.state.create()?;
        let Some(path) = settings.dead_letters_file() else {
            return Ok(Self::Log);
        };
        let opened = open_dead_letters(&path).await?;
        Ok(Self::File(Arc::new(opened)))
    }
}

#[async_trait]
impl DeadLetters for ProgramDeadLetters {
    async fn write(&self, letters: &[DeadLetter]) -> Result<()> {
        match self {
            Self::File(file) => file.write(letters).await,
            Self::Log => log(letters),
            Self::State(objects) => objects.write(letters).await,
        }
    }

    fn location(&self) -> String {
        match self {
            Self::File(file) => file.location(),
            Self::Log => "standard output".to_owned(),
            Self::State(objects) => objects.location(),
        }
    }
}

/// Dead letters that are to be kept in a state that this run does not have.
pub(super) fn without_state() -> Error {
    let detail = "is state, the place where replicas share their positions, and this run shares none: name a file, and write ./state for one \
                  of this name";
    Error::config(DEAD_LETTERS.about.flag, detail)
}

fn log(letters: &[DeadLetter]) -> Result<()> {
    let failed = |error: std::io::Error| {
        let detail = format!("the log cannot be written: {error}");
        Error::new(ErrorKind::Storage, detail)
    };
    let mut stdout = std::io::stdout().lock();
    for letter in letters {
        let record = serde_json::to_string(&DeadLetterRecord::from(letter));
        let record = record.map_err(|error| Error::new(ErrorKind::Storage, error.to_string()))?;
        writeln!(stdout, "{record}").map_err(failed)?;
    }
    stdout.flush().map_err(failed)
}

/// True if the file of dead letters exists, or one that was rotated away from it: a replay that was stopped leaves only those.
#[must_use]
pub fn have_letters_file(path: &Path) -> bool {
    path.exists() || rotations(path).next().is_some()
}

/// The files that were rotated away from it, as far as they can be seen.
pub fn rotations(path: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder_of(path));
    let entries = entries.into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let name = entry.file_name();
        let is_rotation = FileDeadLetters::is_rotation(path, &name.to_string_lossy());
        is_rotation.then(|| entry.path())
    })
}

/// The folder of a file, to be read.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
