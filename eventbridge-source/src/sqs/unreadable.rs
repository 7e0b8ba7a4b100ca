//! Messages without an event, before the first one with an event was received.
//!
//! A queue that holds something else than Okta's events, or holds them in a form that is not known, would be emptied into the dead letters.
//! So until a message with an event was received:
//!
//! 1. *held*: a message without an event stays in flight, and the pipeline does not get it;
//! 2. *delivered* with the first message that has an event, and dead-lettered: the queue is the right one;
//! 3. *handed back* when the run ends, which it does with an error at the [`MAX_UNREADABLE`]th, or when the queue has nothing else
//!    (`once`); in a FIFO queue also when nothing more comes, since a message that is held keeps back those that follow it in its group.
//!
//! After that each is delivered. Never is a message deleted, or put into the dead letters, by a process that has seen no event.

use std::collections::BTreeSet;

use okta_coralogix_core::text::sanitize;
use okta_coralogix_core::{Error, ErrorKind};

use crate::body::ParsedBody;
use crate::receiver::ReceivedMessage;

/// So many messages in a row, with none before that has an event, end the run.
const MAX_UNREADABLE: usize = 20;

/// A message with what was read of it.
pub(super) type ReadMessage = (ReceivedMessage, ParsedBody);

#[derive(Debug, Default)]
pub(super) struct UnreadableMessages {
    event_seen: bool,
    held: Vec<ReadMessage>,
    /// The ids of all that were held: one that comes again counts once.
    ids: BTreeSet<String>,
}

impl UnreadableMessages {
    /// The messages that the pipeline gets now.
    ///
    /// # Errors
    /// There are too many without an event.
    pub(super) fn admit(&mut self, messages: Vec<ReadMessage>) -> Result<Vec<ReadMessage>, Error> {
        if self.event_seen {
            return Ok(messages);
        }
        let mut admitted = Vec::new();
        for message in messages {
            if !self.event_seen && !message.1.has_event {
                self.ids.insert(message.0.id.clone());
                self.held.push(message);
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

    pub(super) fn held(&self) -> impl Iterator<Item = &ReceivedMessage> {
        self.held.iter().map(|(message, _)| message)
    }

    /// The messages to hand back: they are held no more, and still count.
    pub(super) fn give_up(&mut self) -> Vec<String> {
        self.held.drain(..).map(|(message, _)| message.id).collect()
    }

    /// What ends a run that has seen no event.
    pub(super) fn error(&self) -> Error {
        let last = self
            .held
            .last()
            .and_then(|(_, parsed)| parsed.items.first());
        let why = last.and_then(|item| item.as_ref().err());
        let why = why.map(|malformed| sanitize(&malformed.reason.to_string()));
        let detail = format!(
            "no event was found in any of the first {} messages of the queue ({}); they stay in the queue: check that it is the queue of \
             the rule for Okta's events, and what the rule's target sends",
            self.ids.len(),
            why.unwrap_or_default()
        );
        Error::new(ErrorKind::UnexpectedResponse, detail)
    }
}
