//! The right to send what a log gives, for a time.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use thiserror::Error;

use crate::{Error, ErrorKind};

/// Another one holds the log now, or it was released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("another replica holds the log now")]
pub struct LeaseLost;

impl From<LeaseLost> for Error {
    fn from(lost: LeaseLost) -> Self {
        Self::new(ErrorKind::LeaseLost, lost.to_string())
    }
}

/// A lease on a log: [`PipelineBuilder::lease`](crate::pipeline::PipelineBuilder::lease). Asked right before each request that sends its events: what is sent after the deadline could stand beside what
/// another holder sends.
///
/// A lease fences nothing by itself: a request that is on its way arrives, also after another one has taken the log. What may not be
/// overtaken is the position, which is saved under a condition.
#[async_trait]
pub trait Lease: Send + Sync + 'static {
    /// Until when a request may be underway. Waits while that has passed and nobody else holds the log: its store is away.
    ///
    /// # Errors
    /// [`LeaseLost`], from then on always.
    async fn deadline(&self) -> Result<Instant, LeaseLost>;

    /// Resolves once it is lost.
    async fn lost(&self);
}

debug_by_name!(Lease);

#[async_trait]
impl<L: Lease + ?Sized> Lease for Arc<L> {
    async fn deadline(&self) -> Result<Instant, LeaseLost> {
        (**self).deadline().await
    }

    async fn lost(&self) {
        (**self).lost().await;
    }
}
