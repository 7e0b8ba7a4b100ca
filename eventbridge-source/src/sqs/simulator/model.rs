//! The messages of a simulated queue. Pure: the time is an argument.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::attributes::SaidAttributes;
use crate::sqs::queue::{Depth, Message};

#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) visibility_timeout: Duration,
    pub(super) is_fifo: bool,
    pub(super) max_receive_count: Option<u32>,
    /// How long a message that was sent stays invisible.
    pub(super) delay: Duration,
    /// How old the counts are that the queue gives.
    pub(super) counts_lag: Duration,
    /// The bodies that the redrive policy moved away.
    pub(super) dead: Vec<Bytes>,
    pub(super) deleted: u64,
    /// Messages given out so far, each as often as it was.
    pub(super) receives: u64,
    next: u64,
    messages: BTreeMap<u64, Stored>,
    /// By number, so in the order in which they were sent.
    visible: BTreeSet<u64>,
    hidden: BTreeSet<(Instant, u64)>,
    delayed: BTreeSet<(Instant, u64)>,
    /// What the attributes say, without an effect.
    pub(super) said: SaidAttributes,
    /// The counts after each change, if they are given late.
    counts: VecDeque<(Instant, Depth)>,
    /// How many messages of each group are hidden.
    groups: HashMap<String, usize>,
}

#[derive(Debug)]
struct Stored {
    body: Bytes,
    group: Option<String>,
    receive_count: u32,
    hidden_until: Option<Instant>,
}

/// Whether a call with a receipt handle was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    Yes,
    /// The message is gone.
    Gone,
    /// The message has been received again since.
    Stale,
    /// No message can have had it.
    Unknown,
}

impl Model {
    pub(super) fn send(&mut self, body: Bytes, group: Option<String>, now: Instant) {
        let number = self.next;
        self.next += 1;
        self.delayed.insert((now + self.delay, number));
        let stored = Stored {
            body,
            group,
            receive_count: 0,
            hidden_until: None,
        };
        self.messages.insert(number, stored);
        self.count(now);
    }

    /// When the next hidden or delayed message becomes visible.
    pub(super) fn next_visible(&self) -> Option<Instant> {
        let next = [self.hidden.first(), self.delayed.first()];
        next.into_iter().flatten().map(|(until, _)| *until).min()
    }

    /// Up to `most` messages, hidden for `visibility` from now.
    pub(super) fn receive(
        &mut self,
        most: usize,
        visibility: Option<Duration>,
        now: Instant,
    ) -> Vec<Message> {
        self.expire(now);
        let until = now + visibility.unwrap_or(self.visibility_timeout);
        let mut taken: Vec<Message> = Vec::new();
        // A group with a message in flight is locked; of a free one several may be taken at once.
        let mut mine: HashMap<String, usize> = HashMap::new();
        let mut from = 0;
        while taken.len() < most
            && let Some(&number) = self.visible.range(from..).next()
        {
            from = number + 1;
            let Some(stored) = self.messages.get(&number) else {
                continue;
            };
            if let Some(group) = stored.group.as_ref().filter(|_| self.is_fifo) {
                let own = mine.get(group).copied().unwrap_or(0);
                if self.groups.get(group).copied().unwrap_or(0) > own {
                    continue;
                }
            }
            if self
                .max_receive_count
                .is_some_and(|most| stored.receive_count >= most)
            {
                self.visible.remove(&number);
                let dead = self.messages.remove(&number);
                self.dead.extend(dead.map(|stored| stored.body));
                continue;
            }
            taken.push(self.hand_out(number, until));
            if let Some(group) = &taken[taken.len() - 1].group {
                *mine.entry(group.clone()).or_default() += 1;
            }
        }
        self.receives += taken.len() as u64;
        self.count(now);
        taken
    }

    fn hand_out(&mut self, number: u64, until: Instant) -> Message {
        let stored = self.messages.get_mut(&number).expect("it is stored");
        stored.receive_count += 1;
        stored.hidden_until = Some(until);
        let message = Message {
            id: format!("message-{number}"),
            handle: format!("{number}:{}", stored.receive_count),
            body: stored.body.clone(),
            receive_count: stored.receive_count,
            group: stored.group.clone(),
        };
        self.visible.remove(&number);
        self.hidden.insert((until, number));
        if let Some(group) = &message.group {
            *self.groups.entry(group.clone()).or_default() += 1;
        }
        message
    }

    /// Makes the messages visible whose delay or visibility timeout has expired.
    fn expire(&mut self, now: Instant) {
        while let Some(&(until, number)) = self.delayed.first()
            && until <= now
        {
            self.delayed.pop_first();
            self.visible.insert(number);
        }
        while let Some(&(until, number)) = self.hidden.first()
            && until <= now
        {
            self.show(number);
        }
    }

    fn show(&mut self, number: u64) {
        self.unhide(number);
        self.visible.insert(number);
    }

    fn unhide(&mut self, number: u64) {
        let Some(stored) = self.messages.get_mut(&number) else {
            return;
        };
        let Some(until) = stored.hidden_until.take() else {
            return;
        };
        self.hidden.remove(&(until, number));
        if let Some(group) = &stored.group
            && let Some(count) = self.groups.get_mut(group)
        {
            *count -= 1;
        }
    }

    fn find(&self, handle: &str) -> Result<u64, Done> {
        let (number, receive) = handle.split_once(':').ok_or(Done::Unknown)?;
        let number: u64 = number.parse().map_err(|_| Done::Unknown)?;
        let receive: u32 = receive.parse().map_err(|_| Done::Unknown)?;
        match self.messages.get(&number) {
            None if number < self.next => Err(Done::Gone),
            None => Err(Done::Unknown),
            Some(stored) if stored.receive_count == receive => Ok(number),
            Some(_) => Err(Done::Stale),
        }
    }

    /// False if no receive can have given this handle.
    pub(super) fn is_handle(&self, handle: &str) -> bool {
        self.find(handle) != Err(Done::Unknown)
    }

    pub(super) fn delete(&mut self, handle: &str, now: Instant) -> Done {
        self.expire(now);
        match self.find(handle) {
            Err(not) => not,
            Ok(number) => {
                self.unhide(number);
                self.visible.remove(&number);
                self.messages.remove(&number);
                self.deleted += 1;
                self.count(now);
                Done::Yes
            }
        }
    }

    pub(super) fn change_visibility(&mut self, handle: &str, by: Duration, now: Instant) -> Done {
        self.expire(now);
        let number = match self.find(handle) {
            Ok(number) => number,
            Err(not) => return not,
        };
        // Only a message in flight can be hidden for longer.
        let Some(before) = self.messages[&number].hidden_until else {
            return Done::Stale;
        };
        if by.is_zero() {
            self.show(number);
            self.count(now);
            return Done::Yes;
        }
        self.hidden.remove(&(before, number));
        let until = now + by;
        self.hidden.insert((until, number));
        if let Some(stored) = self.messages.get_mut(&number) {
            stored.hidden_until = Some(until);
        }
        Done::Yes
    }

    /// Makes every hidden message visible, as if its visibility timeout had expired.
    pub(super) fn show_all(&mut self) {
        while let Some(&(_, number)) = self.hidden.first() {
            self.show(number);
        }
    }

    pub(super) fn depth(&mut self, now: Instant) -> Depth {
        self.expire(now);
        Depth {
            visible: self.visible.len() as u64,
            delayed: self.delayed.len() as u64,
            in_flight: self.hidden.len() as u64,
        }
    }

    fn count(&mut self, now: Instant) {
        if !self.counts_lag.is_zero() {
            let depth = self.depth(now);
            self.counts.push_back((now, depth));
        }
    }

    /// The counts that the queue gives: those of the last change that was `counts_lag` ago.
    pub(super) fn late_depth(&mut self, now: Instant) -> Depth {
        if self.counts_lag.is_zero() {
            return self.depth(now);
        }
        let is_given = |(at, _): &(Instant, Depth)| *at + self.counts_lag <= now;
        let given = self.counts.partition_point(is_given);
        self.counts.drain(..given.saturating_sub(1));
        let given = self.counts.front().filter(|_| given > 0);
        given.map(|(_, depth)| *depth).unwrap_or_default()
    }
}
