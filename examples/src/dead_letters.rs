//! Dead letters of a run that must leave nothing behind.

use async_trait::async_trait;
use okta_coralogix_core::Result;
use okta_coralogix_core::dead_letter::{DeadLetter, DeadLetters};

/// Says on stderr what would have been put aside. For dry runs, where the cursor moves nowhere either.
#[derive(Debug, Clone, Copy)]
pub struct SaidDeadLetters;

#[async_trait]
impl DeadLetters for SaidDeadLetters {
    async fn write(&self, letters: &[DeadLetter]) -> Result<()> {
        for letter in letters {
            let bytes = letter.bytes.len();
            tracing::warn!(reason = %letter.reason, detail = letter.detail, bytes, "would be put into the dead letters");
        }
        Ok(())
    }
}
