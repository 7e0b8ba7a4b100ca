//! The failures of a request.

use tokio::time::Instant;

use crate::sink::isolation::FailureClass;
use crate::sink::request::Item;
use crate::{Error, ErrorKind};

/// The failures of one request in a row that are of one class.
#[derive(Debug)]
pub(super) struct Failing {
    class: Option<FailureClass>,
    failures: u32,
    since: Instant,
    /// When a larger request with these items failed while others passed; one failure is enough then.
    pub(super) before: Option<Instant>,
    /// It is a part of such a request, and has not let the other parts go first yet.
    pub(super) may_give_way: bool,
}

impl Failing {
    pub(super) fn new<T>(items: &[Item<T>]) -> Self {
        let before = items.iter().find_map(|item| item.state.failed_at);
        Self {
            class: None,
            failures: 0,
            since: Instant::now(),
            before,
            may_give_way: before.is_some() && items.iter().all(|item| !item.state.gave_way),
        }
    }

    /// Counts a failure. Once there are enough to doubt the request: the class, and the time since which others must have passed.
    pub(super) fn is_again(
        &mut self,
        error: &Error,
        sent_at: Instant,
    ) -> Option<(FailureClass, Instant)> {
        let class = FailureClass::of(error);
        if class != self.class {
            (self.class, self.failures, self.since) = (class, 0, sent_at);
        }
        let class = class?;
        self.failures += 1;
        let enough = match self.before {
            // A key that passes a check is not what is forbidden.
            _ if error.kind() == ErrorKind::Forbidden => 1,
            Some(_) => 1,
            None => class.failures_before_split(error.kind()),
        };
        (self.failures >= enough).then(|| (class, self.before.unwrap_or(self.since)))
    }
}
