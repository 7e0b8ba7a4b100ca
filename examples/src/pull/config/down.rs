//! An org that is down, and what is said of it.

use std::time::Duration;

use okta_coralogix_core::Error;
use tokio::time::Instant;

use super::reopening::{Cause, in_seconds};

/// Since when an org is down, and why.
#[derive(Debug)]
pub(super) struct Down {
    pub(super) since: Instant,
    /// The last error.
    pub(super) error: Error,
}

impl Down {
    /// Says when it is opened again.
    pub(super) fn log(&self, wait: Duration) {
        let (error, wait) = (&self.error, in_seconds(wait));
        match Cause::of(error.kind()) {
            Cause::Refusal => tracing::error!(
                "the org is down: {error}; it is tried again in {wait}, or once the file of a secret has changed"
            ),
            Cause::CorruptCheckpoint => {
                tracing::error!("the org is down: {error}; its checkpoint is read again in {wait}");
            }
            Cause::LocalFault => {
                tracing::warn!("the org is down: {error}; it is opened again in {wait}");
            }
        }
    }

    /// Says that it is not opened again.
    pub(super) fn log_end(&self) {
        let error = &self.error;
        tracing::error!("the org has ended: {error}; the others go on");
    }
}
