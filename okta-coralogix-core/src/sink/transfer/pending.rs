//! The items of a transfer that have not ended, as the requests that are planned for them.

use std::collections::VecDeque;

use tokio::time::Instant;

use crate::sink::isolation::FailureClass;
use crate::sink::request::Item;

/// Planned requests in the order of their items, the next one last.
#[derive(Debug)]
pub(super) struct Pending<T>(Vec<Planned<T>>);

/// A planned request.
#[derive(Debug)]
pub(super) struct Planned<T> {
    pub(super) items: VecDeque<Item<T>>,
    /// How it has failed as it is, if it waits for others to show whether it or the sink is at fault.
    pub(super) doubt: Option<Doubt>,
}

/// The failure of a request that may be its own fault.
#[derive(Debug)]
pub(super) struct Doubt {
    pub(super) class: FailureClass,
    pub(super) detail: String,
    /// When it was sent.
    pub(super) at: Instant,
}

impl<T> Pending<T> {
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Plans a request that is to be the next one.
    pub(super) fn push(&mut self, items: impl Into<VecDeque<Item<T>>>) {
        self.0.push(Planned {
            items: items.into(),
            doubt: None,
        });
    }

    /// Plans a request that failed for after all others.
    pub(super) fn push_last(&mut self, items: Vec<Item<T>>, doubt: Doubt) {
        let planned = Planned {
            items: items.into(),
            doubt: Some(doubt),
        };
        self.0.insert(0, planned);
    }

    /// Plans two requests, of half the items each, that are to be the next ones.
    pub(super) fn push_halves(&mut self, mut items: Vec<Item<T>>) {
        let second = items.split_off(items.len() / 2);
        self.push(second);
        self.push(items);
    }

    /// The next request, without items that have ended.
    pub(super) fn pop(&mut self) -> Option<Planned<T>> {
        while let Some(mut planned) = self.0.pop() {
            planned.items.retain(Item::is_open);
            if !planned.items.is_empty() {
                return Some(planned);
            }
        }
        None
    }

    /// The items that have not ended.
    pub(super) fn open(&mut self) -> impl Iterator<Item = &mut Item<T>> {
        let items = self
            .0
            .iter_mut()
            .rev()
            .flat_map(|planned| &mut planned.items);
        items.filter(|item| item.is_open())
    }
}
