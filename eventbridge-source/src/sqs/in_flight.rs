//! The messages in flight: received by this process, and neither deleted nor handed back. Pure: the time is an argument.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::queue::Message;

/// By message id, in an order that is the same each time.
#[derive(Debug)]
pub(super) struct InFlightMessages {
    visibility: Duration,
    messages: BTreeMap<String, InFlight>,
}

#[derive(Debug)]
struct InFlight {
    /// The latest receipt handle: earlier ones may have no effect.
    handle: String,
    receive_count: u32,
    /// When its visibility is to be extended; `None`: SQS refuses to, so that it will be received again.
    extend_at: Option<Instant>,
    /// It is being handed back: a later receive of it starts anew.
    handing_back: bool,
}

/// A message by its id and the receipt handle that a call used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Receipt {
    pub(super) id: String,
    pub(super) handle: String,
}

impl InFlight {
    fn receipt(&self, id: &str) -> Receipt {
        Receipt {
            id: id.to_owned(),
            handle: self.handle.clone(),
        }
    }
}

impl InFlightMessages {
    /// `visibility`: for how long a receive or an extension hides a message.
    pub(super) fn new(visibility: Duration) -> Self {
        Self {
            visibility,
            messages: BTreeMap::new(),
        }
    }

    pub(super) fn visibility(&self) -> Duration {
        self.visibility
    }

    /// Records a received message. False if it is in flight already: then only its handle is newer, and it shares the outcome of the
    /// first copy.
    pub(super) fn insert(&mut self, message: &Message, now: Instant) -> bool {
        let received = InFlight {
            handle: message.handle.clone(),
            receive_count: message.receive_count,
            extend_at: Some(now + self.visibility / 2),
            handing_back: false,
        };
        let before = self.messages.insert(message.id.clone(), received);
        before.is_none_or(|before| before.handing_back)
    }

    /// The messages whose visibility is to be extended by now.
    pub(super) fn due(&self, now: Instant) -> Vec<Receipt> {
        // With those that are due soon: fewer requests.
        let soon = now + self.visibility / 10;
        let is_due = |message: &InFlight| {
            !message.handing_back && message.extend_at.is_some_and(|at| at <= soon)
        };
        let due = self.messages.iter().filter(|(_, message)| is_due(message));
        due.map(|(id, message)| message.receipt(id)).collect()
    }

    /// When the next extension is due.
    pub(super) fn next_extension(&self) -> Option<Instant> {
        let messages = self
            .messages
            .values()
            .filter(|message| !message.handing_back);
        messages.filter_map(|message| message.extend_at).min()
    }

    /// Extended by a call that began at `asked`.
    pub(super) fn extended(&mut self, receipt: &Receipt, asked: Instant) {
        self.reschedule(receipt, Some(asked + self.visibility / 2));
    }

    /// The extension failed for now.
    pub(super) fn extend_soon(&mut self, receipt: &Receipt, now: Instant) {
        let wait = (self.visibility / 10).max(Duration::from_millis(100));
        self.reschedule(receipt, Some(now + wait));
    }

    /// SQS will not extend it by this handle.
    pub(super) fn stop_extending(&mut self, receipt: &Receipt) {
        self.reschedule(receipt, None);
    }

    fn reschedule(&mut self, receipt: &Receipt, at: Option<Instant>) {
        if let Some(message) = self.messages.get_mut(&receipt.id)
            && message.handle == receipt.handle
        {
            message.extend_at = at;
        }
    }

    /// The latest receipt of a message.
    pub(super) fn receipt(&self, id: &str) -> Option<Receipt> {
        self.messages.get(id).map(|message| message.receipt(id))
    }

    /// The message is about to be handed back. Returns its receive count too.
    pub(super) fn begin_hand_back(&mut self, id: &str) -> Option<(Receipt, u32)> {
        let message = self.messages.get_mut(id)?;
        message.handing_back = true;
        Some((message.receipt(id), message.receive_count))
    }

    /// Removes a message that was deleted or handed back. False if it has been received again since.
    pub(super) fn remove(&mut self, receipt: &Receipt) -> bool {
        match self.messages.get(&receipt.id) {
            Some(message) if message.handle != receipt.handle => false,
            _ => {
                self.messages.remove(&receipt.id);
                true
            }
        }
    }

    /// Stops tracking messages that are neither deleted nor handed back: they come back when their visibility timeout expires.
    pub(super) fn forget(&mut self, ids: &[String]) {
        for id in ids {
            self.messages.remove(id);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn ids(&self) -> Vec<String> {
        self.messages.keys().cloned().collect()
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
    fn message_in_flight_is_taken_once_and_keeps_its_latest_handle() {
        let now = Instant::now();
        let mut messages = InFlightMessages::new(VISIBILITY);
        assert!(messages.insert(&message("a", "1"), now));
        let old = messages.receipt("a").unwrap();
        assert!(!messages.insert(&message("a", "2"), now));
        assert!(
            !messages.remove(&old),
            "the old handle may have deleted nothing"
        );
        assert!(messages.remove(&messages.receipt("a").unwrap()));
        assert!(messages.insert(&message("a", "3"), now));
    }

    #[test]
    fn message_that_is_being_given_back_counts_as_new() {
        let now = Instant::now();
        let mut messages = InFlightMessages::new(VISIBILITY);
        messages.insert(&message("a", "1"), now);
        let (receipt, receives) = messages.begin_hand_back("a").unwrap();
        assert_eq!(receives, 1);
        assert!(messages.insert(&message("a", "2"), now));
        assert!(!messages.remove(&receipt), "its second receive goes on");
        assert_eq!(messages.len(), 1);
    }

    #[test]
    fn visibility_is_extended_from_half_of_it_on() {
        let start = Instant::now();
        let mut messages = InFlightMessages::new(VISIBILITY);
        messages.insert(&message("a", "1"), start);
        assert_eq!(messages.next_extension(), Some(start + VISIBILITY / 2));
        assert_eq!(messages.due(start), []);
        let half = start + VISIBILITY / 2;
        let due = messages.due(half);
        assert_eq!(due.len(), 1);
        messages.extended(&due[0], half);
        assert_eq!(messages.next_extension(), Some(half + VISIBILITY / 2));
        messages.stop_extending(&due[0]);
        assert_eq!(messages.next_extension(), None);
    }
}
