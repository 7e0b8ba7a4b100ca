//! The messages that this process holds: received, and neither deleted nor given back.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::queue::Message;

/// By message id, in an order that is the same each time. Pure: the time is an argument.
#[derive(Debug)]
pub(super) struct InFlightMessages {
    visibility: Duration,
    held: BTreeMap<String, Held>,
    redelivered: u64,
}

#[derive(Debug)]
struct Held {
    /// The newest one: older ones may do nothing.
    handle: String,
    receive_count: u32,
    /// When its visibility is to be extended; `None`: the queue refuses to, so that it will be received again.
    extend_at: Option<Instant>,
    /// It is being given back: what is received from now on is another turn of it.
    returning: bool,
}

/// A message by its id and the handle by which it was dealt with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Receipt {
    pub(super) id: String,
    pub(super) handle: String,
}

impl InFlightMessages {
    /// `visibility`: for how long a message stays hidden after it was received or extended.
    pub(super) fn new(visibility: Duration) -> Self {
        Self {
            visibility,
            held: BTreeMap::new(),
            redelivered: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// How often a message was received that was held already.
    pub(super) fn redelivered(&self) -> u64 {
        self.redelivered
    }

    /// Takes note of a received message. False if it is held already: then only its handle is newer, and whatever becomes of the
    /// first copy becomes of it.
    pub(super) fn take(&mut self, message: &Message, now: Instant) -> bool {
        let fresh = Held {
            handle: message.handle.clone(),
            receive_count: message.receive_count,
            extend_at: Some(now + self.visibility / 2),
            returning: false,
        };
        match self.held.insert(message.id.clone(), fresh) {
            None => true,
            Some(before) if before.returning => true,
            Some(_) => {
                self.redelivered += 1;
                false
            }
        }
    }

    /// The messages whose visibility is to be extended by now.
    pub(super) fn due(&self, now: Instant) -> Vec<Receipt> {
        // Those that are due soon go with them: fewer requests.
        let soon = now + self.visibility / 10;
        let due = |held: &Held| !held.returning && held.extend_at.is_some_and(|at| at <= soon);
        let mut receipts = Vec::new();
        for (id, held) in self.held.iter().filter(|(_, held)| due(held)) {
            receipts.push(Receipt {
                id: id.clone(),
                handle: held.handle.clone(),
            });
        }
        receipts
    }

    /// When the next one is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let held = self.held.values().filter(|held| !held.returning);
        held.filter_map(|held| held.extend_at).min()
    }

    /// Extended by a request that began at `asked`.
    pub(super) fn extended(&mut self, receipt: &Receipt, asked: Instant) {
        let at = asked + self.visibility / 2;
        self.reschedule(receipt, Some(at));
    }

    /// Not extended for now: it is tried again soon.
    pub(super) fn not_extended(&mut self, receipt: &Receipt, now: Instant) {
        let at = now + (self.visibility / 10).max(Duration::from_millis(100));
        self.reschedule(receipt, Some(at));
    }

    /// The queue will not extend it by this handle.
    pub(super) fn not_to_be_extended(&mut self, receipt: &Receipt) {
        self.reschedule(receipt, None);
    }

    fn reschedule(&mut self, receipt: &Receipt, at: Option<Instant>) {
        if let Some(held) = self.held.get_mut(&receipt.id)
            && held.handle == receipt.handle
        {
            held.extend_at = at;
        }
    }

    /// The newest handle of a message that is held.
    pub(super) fn receipt(&self, id: &str) -> Option<Receipt> {
        self.held.get(id).map(|held| Receipt {
            id: id.to_owned(),
            handle: held.handle.clone(),
        })
    }

    /// The message is about to be given back: from now on it counts as new when it is received.
    pub(super) fn return_begins(&mut self, id: &str) -> Option<(Receipt, u32)> {
        let held = self.held.get_mut(id)?;
        held.returning = true;
        let receipt = Receipt {
            id: id.to_owned(),
            handle: held.handle.clone(),
        };
        Some((receipt, held.receive_count))
    }

    /// Done with, unless it has been received again since: false then.
    pub(super) fn release(&mut self, receipt: &Receipt) -> bool {
        match self.held.get(&receipt.id) {
            Some(held) if held.handle != receipt.handle => false,
            _ => {
                self.held.remove(&receipt.id);
                true
            }
        }
    }

    /// Every message that is held.
    pub(super) fn ids(&self) -> Vec<String> {
        self.held.keys().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VISIBILITY: Duration = Duration::from_secs(30);

    fn message(id: &str, handle: &str) -> Message {
        Message {
            id: id.into(),
            handle: handle.into(),
            body: "{}".into(),
            receive_count: 1,
            group: None,
        }
    }

    #[test]
    fn a_message_that_is_held_is_not_taken_twice_and_its_handle_is_renewed() {
        let now = Instant::now();
        let mut held = InFlightMessages::new(VISIBILITY);
        assert!(held.take(&message("a", "1"), now));
        let old = held.receipt("a").unwrap();
        assert!(!held.take(&message("a", "2"), now));
        assert_eq!(held.redelivered(), 1);
        assert!(
            !held.release(&old),
            "the old handle may have deleted nothing"
        );
        assert!(held.release(&held.receipt("a").unwrap()));
        assert!(held.take(&message("a", "3"), now));
    }

    #[test]
    fn a_message_that_is_being_given_back_counts_as_new() {
        let now = Instant::now();
        let mut held = InFlightMessages::new(VISIBILITY);
        held.take(&message("a", "1"), now);
        let (receipt, receives) = held.return_begins("a").unwrap();
        assert_eq!(receives, 1);
        assert!(held.take(&message("a", "2"), now));
        assert!(!held.release(&receipt), "its new turn goes on");
        assert_eq!(held.len(), 1);
    }

    #[test]
    fn visibility_is_extended_from_half_of_it_on() {
        let start = Instant::now();
        let mut held = InFlightMessages::new(VISIBILITY);
        held.take(&message("a", "1"), start);
        assert_eq!(held.next_due(), Some(start + VISIBILITY / 2));
        assert_eq!(held.due(start), []);
        let half = start + VISIBILITY / 2;
        let due = held.due(half);
        assert_eq!(due.len(), 1);
        held.extended(&due[0], half);
        assert_eq!(held.next_due(), Some(half + VISIBILITY / 2));
        held.not_to_be_extended(&due[0]);
        assert_eq!(held.next_due(), None);
    }
}
