//! Settles the lines of a delivery in the account of their file.

use std::sync::Arc;

use async_trait::async_trait;

use super::file::Shared;
use super::lines::Line;
use crate::{Acker, Outcome, Result};

#[derive(Debug)]
pub(super) struct ReplayAcker {
    shared: Arc<Shared>,
    /// `None` once it has ended.
    lines: Option<Vec<Line>>,
}

impl ReplayAcker {
    /// For a delivery of these lines, which is counted as in flight.
    pub(super) fn new(shared: Arc<Shared>, lines: Vec<Line>) -> Self {
        shared.delivery_begins();
        Self {
            shared,
            lines: Some(lines),
        }
    }
}

#[async_trait]
impl Acker for ReplayAcker {
    async fn settle(mut self: Box<Self>, outcomes: &[Outcome]) -> Result<()> {
        let lines = self.lines.as_deref().unwrap_or_default();
        let settled: Vec<_> = lines
            .iter()
            .zip(outcomes)
            .filter(|(_, outcome)| **outcome == Outcome::Settled)
            .map(|(line, _)| line.range())
            .collect();
        // If this fails, all of them are given again when `self` is dropped.
        self.shared.account.settle(&settled).await?;
        let lines = self.lines.take().unwrap_or_default();
        let back = lines
            .into_iter()
            .zip(outcomes)
            .filter(|(_, outcome)| **outcome == Outcome::HandedBack)
            .map(|(line, _)| line);
        self.shared.delivery_ends(back);
        Ok(())
    }
}

impl Drop for ReplayAcker {
    fn drop(&mut self) {
        if let Some(lines) = self.lines.take() {
            self.shared.delivery_ends(lines);
        }
    }
}
