//! Messages without an event, before the first one with an event was received.
//!
//! A queue that holds something else than Okta's events, or holds them in a form that is not known, would be emptied into the dead letters.
//! So until a message with an event was received:
//!
//! 1. *held*: a message without an event stays in flight, and the pipeline does not get it; a WARN says so, and again each minute;
//! 2. *delivered* with the first message that has an event, and dead-lettered: the queue is the right one;
//! 3. *handed back* when the run ends, which it does with an error at the [`MAX_UNREADABLE`]th, or when the queue has nothing else
//!    (`once`).
//!
//! In a FIFO queue a message that is held keeps back those that follow it in its group. So when nothing more comes although the
//! queue has more, all that are held are handed back, to be received again with some that follow. If no other comes with them, none
//! ever will: the run ends with the error, unless another consumer has messages, behind which the rest may be.
//!
//! The queue counts late, and may count a message as visible that is held. So it has more, and no other came, only if it still counts
//! one [`COUNTS_LAG`] after the last that is held was received. A delayed message is none: it comes by itself, or is visible later.
//!
//! After that each is delivered. Never is a message deleted, or put into the dead letters, by a process that has seen no event.

use std::collections::BTreeSet;
use std::time::Duration;

use okta_coralogix_core::text::sanitize;
use okta_coralogix_core::{Error, ErrorKind};
use tokio::time::Instant;

use crate::body::ParsedBody;
use crate::receiver::ReceivedMessage;

/// So many messages in a row, with none before that has an event, end the run.
const MAX_UNREADABLE: usize = 20;

/// For so long after a receive the queue's counts may be of the time before it: SQS says about a minute.
const COUNTS_LAG: Duration = Duration::from_secs(90);

/// The time between two warnings.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

const ADVICE: &str =
    "check that it is the queue of the rule for Okta's events, and what the rule's target sends";

/// A message with what was read of it.
pub(super) type ReadMessage = (ReceivedMessage, ParsedBody);

#[derive(Debug, Default)]
pub(super) struct UnreadableMessages {
    event_seen: bool,
    held: Vec<ReadMessage>,
    /// When the last of them was received.
    last_held: Option<Instant>,
    /// The ids of all that were held: one that comes again counts once.
    ids: BTreeSet<String>,
    /// Why the last of them has no event.
    reason: String,
    /// How many there had been when those that were held were handed back; `None` if that need not have brought others.
    handed_back: Option<usize>,
    last_warning: Option<Instant>,
}

impl UnreadableMessages {
    /// The messages that the pipeline gets now.
    ///
    /// # Errors
    /// There are too many without an event.
    pub(super) fn admit(
        &mut self,
        messages: Vec<ReadMessage>,
        now: Instant,
    ) -> Result<Vec<ReadMessage>, Error> {
        if self.event_seen {
            return Ok(messages);
        }
        let mut admitted = Vec::new();
        for message in messages {
            if !self.event_seen && !message.1.has_event {
                self.hold(message, now);
                if self.ids.len() >= MAX_UNREADABLE {
                    return Err(self.error());
                }
                continue;
            }
            self.event_seen = true;
            admitted.append(&mut self.held);
            admitted.push(message);
        }
        Ok(admitted)
    }

    fn hold(&mut self, message: ReadMessage, now: Instant) {
        self.last_held = Some(now);
        let (received, parsed) = &message;
        self.ids.insert(received.id.clone());
        if let Some(Err(malformed)) = parsed.items.first() {
            self.reason = sanitize(&malformed.reason.to_string());
        }
        self.held.push(message);
    }

    pub(super) fn is_event_seen(&self) -> bool {
        self.event_seen
    }

    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    /// The messages to hand back, so that those behind them, which the queue counts now, may come: they are held no more, and still
    /// count. None while the count may be of the time before they were received.
    ///
    /// # Errors
    /// They were handed back before, and no other message came with them.
    pub(super) fn give_up(&mut self, now: Instant) -> Result<Vec<ReceivedMessage>, Error> {
        if self.last_held.is_some_and(|last| now < last + COUNTS_LAG) {
            return Ok(Vec::new());
        }
        let count = self.ids.len();
        if self.handed_back.replace(count) == Some(count) {
            return Err(self.error());
        }
        let held = self.held.drain(..);
        Ok(held.map(|(message, _)| message).collect())
    }

    /// To hand back what is held need not bring other messages now.
    pub(super) fn expect_nothing(&mut self) {
        self.handed_back = None;
    }

    /// The warning that is due while no event was seen: at once, and then each minute.
    pub(super) fn warning(&mut self, now: Instant) -> Option<String> {
        let is_recent = |last| now < last + WARNING_INTERVAL;
        if self.event_seen || self.ids.is_empty() || self.last_warning.is_some_and(is_recent) {
            return None;
        }
        self.last_warning = Some(now);
        Some(format!(
            "no event was found in any of the first messages of the queue ({} so far; {}); they stay in the queue until one with an \
             event comes, and the {MAX_UNREADABLE}th without one ends the run: {ADVICE}",
            self.ids.len(),
            self.reason
        ))
    }

    /// What ends a run that has seen no event.
    pub(super) fn error(&self) -> Error {
        let detail = format!(
            "no event was found in any of the first {} messages of the queue ({}); they stay in the queue: {ADVICE}",
            self.ids.len(),
            self.reason
        );
        Error::new(ErrorKind::UnexpectedResponse, detail)
    }
}
