//! Settles a page with the committer, or hands it back.

use async_trait::async_trait;

use super::{Committer, ResumePoint};
use crate::{Acker, Outcome, Result};

/// Commits the point behind one page once all of the page is settled. Dropped before that, it hands the page back.
#[derive(Debug)]
pub(super) struct PageAcker {
    committer: Committer,
    /// The number of the page, until it is committed.
    page: Option<u64>,
    point: ResumePoint,
    items: usize,
}

impl PageAcker {
    pub(super) fn new(committer: Committer, page: u64, point: ResumePoint, items: usize) -> Self {
        Self {
            committer,
            page: Some(page),
            point,
            items,
        }
    }
}

#[async_trait]
impl Acker for PageAcker {
    async fn settle(mut self: Box<Self>, outcomes: &[Outcome]) -> Result<()> {
        // An item without an outcome is not settled.
        if outcomes.len() != self.items || outcomes.contains(&Outcome::HandedBack) {
            return Ok(());
        }
        if let Some(page) = self.page {
            self.committer.settle(page, self.point.clone()).await?;
            self.page = None;
        }
        Ok(())
    }
}

impl Drop for PageAcker {
    fn drop(&mut self) {
        if let Some(page) = self.page {
            self.committer.hand_back(page);
        }
    }
}
