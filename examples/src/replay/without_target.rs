//! Dead letters that are written again as they were: without a target.

use async_trait::async_trait;
use okta_coralogix_core::Result;
use okta_coralogix_core::dead_letter::{DeadLetter, DeadLetters};

use super::letters::Letters;

/// Writes letters without the name of their pipeline. That of a replay of letters which name no integration is none of an integration: a
/// letter with it would belong nowhere, and could not be told from the letters of a tenant.
#[derive(Debug)]
pub(super) struct WithoutTarget(pub(super) Letters);

#[async_trait]
impl DeadLetters for WithoutTarget {
    async fn write(&self, letters: &[DeadLetter]) -> Result<()> {
        let mut letters = letters.to_vec();
        for letter in &mut letters {
            letter.target = None;
        }
        self.0.write(&letters).await
    }

    fn location(&self) -> String {
        self.0.location()
    }
}
