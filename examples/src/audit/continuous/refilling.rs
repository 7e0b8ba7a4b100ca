//! The step of a turn in which what is missing is sent. It is not ended by the time of a turn; the end of the program ends it as a crash does.

use std::collections::HashSet;
use std::sync::Arc;

use coralogix_sink::audit::Cause;
use okta_coralogix_core::Result;
use tokio::time::timeout;

use super::auditor::{Kept, TURN, Task, late};
use super::refill::RefillParts;
use super::round::{audit, in_letters};

impl Task {
    /// Looks at the refill before, and sends what is missing for the second time; a fault of that ends no round.
    pub(super) async fn refill(&mut self) {
        let Some((refill, _)) = self.parts.refill.clone() else {
            return;
        };
        if let Err(error) = self.refill_by(&refill).await {
            tracing::error!("the refill failed, and is repeated in the next turn: {error}");
        }
        let is_stopped = refill.is_stopped().await;
        self.parts.figures.refill_stopped(is_stopped);
    }

    async fn refill_by(&mut self, refill: &RefillParts) -> Result<()> {
        let (end, settled) = (self.end(), self.settled());
        let options = self.parts.options.clone();
        let waits = |kept: &Kept| kept.record.pending.is_some() || !kept.record.wanted.is_empty();
        if !self.kept.as_ref().is_some_and(waits) {
            return Ok(());
        }
        let sides = self.sides().await?;
        let visibility = self.measured().clone();
        let Some(Kept { file, record }) = &mut self.kept else {
            return Ok(());
        };
        if record.pending.is_some() && refill.look(record, &sides, &options).await? {
            file.save(record).await?;
        }
        if record.wanted.is_empty() {
            return Ok(());
        }
        let letters = in_letters(&options, record.wanted.ids()).await?;
        record.wanted.forget(|id, _| letters.contains_key(id));
        let (noted, now) = (record.wanted.len(), options.clock.now());
        record
            .wanted
            .forget(|_, published| refill.is_too_old(published, now));
        let too_old = noted - record.wanted.len();
        if too_old > 0 {
            tracing::error!(
                "{too_old} missing events are older than 24 hours by now, and are not sent; the program audit sends them by hand, restamped"
            );
        }
        file.save(record).await?;
        let (Some(end), Some(settled)) = (end, settled) else {
            return Ok(());
        };
        let longest = record.ranges.longest();
        let Some(due) = record
            .wanted
            .due(settled - refill.reread_every, end, longest)
        else {
            return Ok(());
        };
        record.visibility = visibility;
        if let Err(why) = refill.allows(record, options.delay_of_time()).await {
            tracing::warn!("nothing is refilled: {why}");
            return Ok(());
        }
        let turn = self.parts.turns.take().await;
        let judged = timeout(TURN, audit(&sides, due.asked, &options)).await;
        drop(turn);
        let Ok(judged) = judged else {
            record.ranges.was_late();
            file.save(record).await?;
            return Err(late(due.asked));
        };
        let judged = judged?;
        let is_open = |published| {
            let mut open = judged.open.iter();
            open.any(|(slice, _)| slice.contains(published))
        };
        let missing = judged.missing.iter().filter(|event| {
            let in_letters = matches!(event.cause, Cause::DeadLettered(_) | Cause::TooOld);
            due.ids.contains(&event.id) && !in_letters
        });
        let missing: Vec<_> = missing.cloned().collect();
        let left = match missing.is_empty() {
            true => HashSet::new(),
            false => {
                let figures = Arc::clone(&self.parts.figures);
                let told = (&options, &*figures);
                let sent = refill.send((record, file), &sides, (&judged, missing), told);
                sent.await?
            }
        };
        record.wanted.forget(|id, published| {
            due.ids.contains(id) && !is_open(published) && !left.contains(id)
        });
        file.save(record).await
    }
}
