//! The items of a transfer that have not ended, as the requests that are planned for them.

use std::collections::VecDeque;

use crate::sink::request::Item;

/// Planned requests in the order of their items, the next one last.
#[derive(Debug)]
pub(super) struct Pending<T>(Vec<VecDeque<Item<T>>>);

impl<T> Pending<T> {
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    /// Plans a request that is to be the next one.
    pub(super) fn push(&mut self, items: impl Into<VecDeque<Item<T>>>) {
        self.0.push(items.into());
    }

    /// Plans two requests, of half the items each, that are to be the next ones.
    pub(super) fn push_halves(&mut self, mut items: Vec<Item<T>>) {
        let second = items.split_off(items.len() / 2);
        self.push(second);
        self.push(items);
    }

    /// The next request's items, without those that have ended.
    pub(super) fn pop(&mut self) -> Option<VecDeque<Item<T>>> {
        while let Some(mut items) = self.0.pop() {
            items.retain(Item::is_open);
            if !items.is_empty() {
                return Some(items);
            }
        }
        None
    }

    /// The items that have not ended.
    pub(super) fn open(&mut self) -> impl Iterator<Item = &mut Item<T>> {
        let items = self.0.iter_mut().rev().flatten();
        items.filter(|item| item.is_open())
    }
}
