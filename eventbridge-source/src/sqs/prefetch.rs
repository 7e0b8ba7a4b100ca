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

    /// The messages of the next delivery. `in_order`: none of a group of which another delivery has a message.
    pub(super) fn take(&mut self, max_messages: usize, in_order: bool) -> Vec<Message> {
        let mut kept = VecDeque::new();
        let mut taken: Vec<Message> = Vec::new();
        let mut bytes = 0;
        while let Some(message) = self.messages.pop_front() {
            // All of a group waits while the pipeline has a message of it.
            let group = message.group.as_ref().filter(|_| in_order);
            let waits = group.is_some_and(|group| self.groups.contains_key(group));
            // A delivery that is full takes nothing more, so that no message overtakes an earlier one of its group.
            if waits || taken.len() == max_messages || bytes >= MAX_DELIVERY_BYTES {
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

    /// Removes the messages of these groups, which are to go back. Returns their ids.
    pub(super) fn remove_groups(&mut self, groups: &HashSet<&str>) -> Vec<String> {
        if groups.is_empty() {
            return Vec::new();
        }
        let goes_back = |message: &Message| {
            let group = message.group.as_deref();
            group.is_some_and(|group| groups.contains(group))
        };
        let messages = std::mem::take(&mut self.messages).into_iter();
        let (removed, kept): (VecDeque<_>, VecDeque<_>) = messages.partition(goes_back);
        self.messages = kept;
        let bytes = removed.iter().map(|message| message.body.len());
        self.bytes -= bytes.sum::<usize>();
        removed.into_iter().map(|message| message.id).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages of the group that the first letter of their ids names; `-` for none.
    fn buffer(ids: &[&str], bytes: usize) -> PrefetchBuffer {
        let mut buffer = PrefetchBuffer::default();
        for id in ids {
            buffer.push(Message {
                id: (*id).to_owned(),
                handle: "handle".into(),
                body: vec![b' '; bytes].into(),
                receive_count: 1,
                group: Some(id[..1].to_owned()).filter(|group| group != "-"),
            });
        }
        buffer
    }

    fn take(buffer: &mut PrefetchBuffer, max_messages: usize) -> Vec<String> {
        let taken = buffer.take(max_messages, true).into_iter();
        taken.map(|message| message.id).collect()
    }

    #[test]
    fn fifo_group_keeps_its_order_when_a_delivery_is_full() {
        let mut buffer = buffer(&["a1", "a2", "b1", "-1", "a3", "b2"], 1);
        assert_eq!(take(&mut buffer, 1), ["a1"]);
        assert_eq!(take(&mut buffer, 2), ["b1", "-1"], "a1 is out");
        assert_eq!(take(&mut buffer, 9), [""; 0], "both groups are out");
        buffer.release_group("a");
        assert_eq!(take(&mut buffer, 1), ["a2"]);
        buffer.release_group("b");
        buffer.release_group("a");
        assert_eq!(take(&mut buffer, 9), ["a3", "b2"]);
        assert_eq!(buffer.bytes, 0);
    }

    #[test]
    fn fifo_group_waits_until_all_its_messages_are_released() {
        let mut buffer = buffer(&["a1", "a2", "a3"], 1);
        assert_eq!(take(&mut buffer, 2), ["a1", "a2"]);
        buffer.release_group("a");
        assert_eq!(take(&mut buffer, 2), [""; 0]);
        buffer.release_group("a");
        assert_eq!(take(&mut buffer, 2), ["a3"]);
    }

    #[test]
    fn messages_of_a_removed_group_leave_room() {
        let mut buffer = buffer(&["a1", "b1", "-1", "a2"], MAX_BYTES / 4);
        assert!(buffer.is_full(9));
        assert_eq!(
            buffer.remove_groups(&HashSet::from(["a", "c"])),
            ["a1", "a2"]
        );
        assert_eq!(buffer.bytes, MAX_BYTES / 2);
        assert_eq!(take(&mut buffer, 9), ["b1", "-1"]);
    }

    #[test]
    fn delivery_is_full_after_16_mib() {
        let mut buffer = buffer(&["a1", "-1", "a2", "-2"], MAX_DELIVERY_BYTES / 2);
        assert!(buffer.is_full(9) && buffer.is_full(4) && !self::buffer(&["-1"], 1).is_full(2));
        assert_eq!(take(&mut buffer, 9), ["a1", "-1"]);
        assert!(!buffer.is_full(9));
        assert_eq!(take(&mut buffer, 9), ["-2"]);
        buffer.release_group("a");
        assert_eq!(take(&mut buffer, 9), ["a2"]);
    }
}
