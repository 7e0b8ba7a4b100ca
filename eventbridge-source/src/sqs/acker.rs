//! What becomes of the messages of a delivery.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use okta_coralogix_core::{Acker, Outcome, Result};
use tokio::sync::mpsc;

use super::shared::Shared;
use super::visibility::Dropped;

/// One message of a delivery.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) id: String,
    pub(super) group: Option<String>,
    /// How many items of the delivery it holds.
    pub(super) items: usize,
}

/// Deletes the messages of which every item is settled, and gives the others back.
#[derive(Debug)]
pub(super) struct SqsAcker {
    shared: Arc<Shared>,
    /// Empty once they are settled.
    parts: Vec<Part>,
    drop_off: mpsc::UnboundedSender<Dropped>,
}

impl SqsAcker {
    pub(super) fn new(
        shared: Arc<Shared>,
        parts: Vec<Part>,
        drop_off: mpsc::UnboundedSender<Dropped>,
    ) -> Self {
        Self {
            shared,
            parts,
            drop_off,
        }
    }
}

#[async_trait]
impl Acker for SqsAcker {
    async fn settle(mut self: Box<Self>, outcomes: &[Outcome]) -> Result<()> {
        let (done, back) = judge(&self.parts, outcomes);
        self.shared.hand_back(back, delay).await;
        self.shared.delete(done).await?;
        // What was dealt with is no longer held, so that dropping this has nothing left to give back.
        let parts = std::mem::take(&mut self.parts);
        self.shared
            .groups_end(parts.iter().filter_map(|part| part.group.as_deref()));
        Ok(())
    }
}

impl Drop for SqsAcker {
    fn drop(&mut self) {
        if self.parts.is_empty() {
            return;
        }
        let groups = self.parts.iter().filter_map(|part| part.group.as_deref());
        self.shared.groups_end(groups);
        let ids = self.parts.drain(..).map(|part| part.id).collect();
        // The keeper is there for as long as an acker is, unless the runtime has ended.
        self.drop_off.send(ids).ok();
    }
}

/// The messages to delete and those to give back. In a group the order is kept: what comes after a message that goes back goes back too.
fn judge(parts: &[Part], outcomes: &[Outcome]) -> (Vec<String>, Vec<String>) {
    let (mut done, mut back) = (Vec::new(), Vec::new());
    let mut broken: HashSet<&str> = HashSet::new();
    let mut outcomes = outcomes.iter();
    for part in parts {
        let mut settled = true;
        for _ in 0..part.items {
            settled &= outcomes.next() == Some(&Outcome::Settled);
        }
        let group = part.group.as_deref();
        if settled && !group.is_some_and(|group| broken.contains(group)) {
            done.push(part.id.clone());
        } else {
            broken.extend(group);
            back.push(part.id.clone());
        }
    }
    (done, back)
}

/// Up to this many receives a message that goes back can be received again at once: a shutdown, a restart.
const AT_ONCE: u32 = 3;

/// How long a message that was not settled stays hidden: at first not at all, then from 10 s up to 15 minutes, so that a consumer that
/// cannot finish anything does not use up all its receives before somebody has noticed.
fn delay(receive_count: u32) -> Duration {
    match receive_count.checked_sub(AT_ONCE + 1) {
        None => Duration::ZERO,
        Some(more) => Duration::from_secs(2_u64.saturating_pow(more).saturating_mul(10).min(900)),
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome::{HandedBack, Settled};
    use super::*;

    fn part(id: &str, group: Option<&str>, items: usize) -> Part {
        Part {
            id: id.into(),
            group: group.map(Into::into),
            items,
        }
    }

    #[test]
    fn a_message_is_done_with_only_when_all_its_items_are() {
        let parts = [part("a", None, 2), part("b", None, 3), part("c", None, 1)];
        let outcomes = [Settled, Settled, Settled, HandedBack, Settled, Settled];
        let (done, back) = judge(&parts, &outcomes);
        assert_eq!(
            (done, back),
            (vec!["a".into(), "c".into()], vec!["b".into()])
        );
        let (done, back) = judge(&parts, &outcomes[..5]);
        assert_eq!(
            (done.len(), back.len()),
            (1, 2),
            "an outcome that is missing is none"
        );
    }

    #[test]
    fn in_a_group_everything_after_what_goes_back_goes_back() {
        let parts = [
            part("a1", Some("a"), 1),
            part("b1", Some("b"), 1),
            part("a2", Some("a"), 1),
            part("b2", Some("b"), 1),
        ];
        let (done, back) = judge(&parts, &[HandedBack, Settled, Settled, Settled]);
        assert_eq!(done, ["b1", "b2"]);
        assert_eq!(back, ["a1", "a2"]);
    }

    #[test]
    fn what_comes_back_again_and_again_waits_longer() {
        let waits = [0, 1, 3, 4, 5, 10, u32::MAX].map(|count| delay(count).as_secs());
        assert_eq!(waits, [0, 0, 0, 10, 20, 640, 900]);
    }
}
