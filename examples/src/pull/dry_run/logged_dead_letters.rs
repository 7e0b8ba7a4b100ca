//! Dead letters of a run that must leave nothing behind.

use async_trait::async_trait;
use okta_coralogix_core::Result;
use okta_coralogix_core::dead_letter::{DeadLetter, DeadLetters};

/// Logs the reasons and stores nothing: for dry runs, whose cursor is not stored either.
#[derive(Debug, Clone, Copy)]
pub(super) struct LoggedDeadLetters;

#[async_trait]
impl DeadLetters for LoggedDeadLetters {
    async fn write(&self, letters: &[DeadLetter]) -> Result<()> {
        for letter in letters {
            let bytes = letter.bytes.len();
            tracing::warn!(reason = %letter.reason, detail = letter.detail, bytes, "would be dead-lettered");
        }
        Ok(())
    }
}
