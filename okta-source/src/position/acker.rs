//! What becomes of a delivery, and what that does to the committed position.

use std::sync::Arc;

use async_trait::async_trait;
use okta_coralogix_core::{Acker, Outcome, Result};

use crate::position::committer::{Committer, ResumePoint, Ticket};

/// Moves the committed position past one page once all of it is settled. Dropped before that, the page is read again.
#[derive(Debug)]
pub(crate) struct PageAcker {
    progress: Arc<Committer>,
    ticket: Option<Ticket>,
    place: ResumePoint,
    items: usize,
}

impl PageAcker {
    /// For a page of so many `items` that was just read; `place` is what stands behind it.
    pub(crate) fn new(
        progress: Arc<Committer>,
        generation: u64,
        place: ResumePoint,
        items: usize,
    ) -> Self {
        Self {
            items,
            ticket: Some(progress.open(generation)),
            progress,
            place,
        }
    }
}

#[async_trait]
impl Acker for PageAcker {
    async fn settle(mut self: Box<Self>, outcomes: &[Outcome]) -> Result<()> {
        // An item without an outcome is not done with either.
        if outcomes.len() != self.items || outcomes.contains(&Outcome::HandedBack) {
            return Ok(());
        }
        if let Some(ticket) = self.ticket {
            self.progress.settled(ticket, self.place.clone()).await?;
            self.ticket = None;
        }
        Ok(())
    }
}

impl Drop for PageAcker {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.progress.hand_back(ticket);
        }
    }
}
