//! Messages that were received and not yet given to the pipeline. Pure.

use std::collections::{HashMap, HashSet, VecDeque};

use super::queue::Message;

/// Bytes of bodies that may wait before more is received, and after which a delivery is full: messages have up to 1 MiB.
const MAX_BYTES: usize = 32 << 20;
const MAX_DELIVERY_BYTES: usize = 16 << 20;

/// In the order in which they were received.
#[derive(Debug, Default)]
pub(super) struct PrefetchBuffer {
    messages: VecDeque<Message>,
    bytes: usize,
    /// How many messages of each FIFO group the pipeline has.
    groups: HashMap<String, usize>,
}

impl PrefetchBuffer {
    pub(super) fn push(&mut self, message: Message) {
        self.bytes += message.body.len();
        self.messages.push_back(message);
    }

    /// True if nothing more is to be received.
    pub(super) fn is_full(&self, max_messages: usize) -> bool {
        self.messages.len() >= max_messages || self.bytes >= MAX_BYTES
    }

    /// The messages of the next delivery: none of a group of which the pipeline has a message.
    pub(super) fn take(&mut self, max_messages: usize) -> Vec<Message> {
        let mut kept = VecDeque::new();
        let mut taken: Vec<Message> = Vec::new();
        let mut bytes = 0;
        // All of a group waits while the pipeline has a message of it.
        let mut waiting: HashSet<String> = self.groups.keys().cloned().collect();
        while let Some(message) = self.messages.pop_front() {
            let waits = message
                .group
                .as_ref()
                .is_some_and(|group| waiting.contains(group));
            if waits || taken.len() == max_messages || bytes >= MAX_DELIVERY_BYTES {
                waiting.extend(message.group.clone());
                kept.push_back(message);
            } else {
                bytes += message.body.len();
                taken.push(message);
            }
        }
        self.messages = kept;
        self.bytes -= bytes;
        for group in taken.iter().filter_map(|message| message.group.as_ref()) {
            *self.groups.entry(group.clone()).or_default() += 1;
        }
        taken
    }

    /// The pipeline is done with a message of this group.
    pub(super) fn release_group(&mut self, group: &str) {
        if let Some(count) = self.groups.get_mut(group) {
            *count -= 1;
            if *count == 0 {
                self.groups.remove(group);
            }
        }
    }
}
