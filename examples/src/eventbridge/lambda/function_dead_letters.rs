//! Dead letters of a function: in a file that outlives it, or in the log.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use okta_coralogix_core::dead_letter::{
    DeadLetter, DeadLetterRecord, DeadLetters, FileDeadLetters,
};
use okta_coralogix_core::{Error, ErrorKind, Result};

/// Clones write to the same file or log.
#[derive(Debug, Clone)]
pub(super) enum FunctionDeadLetters {
    File(Arc<FileDeadLetters>),
    /// Standard output, which Lambda keeps in CloudWatch Logs.
    Log,
}

impl FunctionDeadLetters {
    pub(super) async fn open(path: &Path) -> Result<Self> {
        if path.as_os_str() == "-" {
            return Ok(Self::Log);
        }
        let opened = FileDeadLetters::open(path).await.map_err(|error| {
            let advice = "set OKTA_CORALOGIX_DEAD_LETTERS to a file on a mounted file system, or to - for the log";
            Error::new(error.kind(), format!("--dead-letters: {error}; {advice}"))
        })?;
        Ok(Self::File(Arc::new(opened)))
    }
}

#[async_trait]
impl DeadLetters for FunctionDeadLetters {
    async fn write(&self, letters: &[DeadLetter]) -> Result<()> {
        match self {
            Self::File(file) => file.write(letters).await,
            Self::Log => log(letters),
        }
    }
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
