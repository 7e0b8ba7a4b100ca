//! Reads the overlap again, to find events that polling has not given.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use okta_coralogix_core::filter::{AgeFilter, DedupWindow};
use tokio::time::Instant;

use crate::poll::page::Page;
use crate::position::page_request::PageRequest;

/// The requests of one turn, failed ones included.
pub(crate) const MAX_REQUESTS: u32 = 3;
/// The part of the source's share of the request limit that turns may take.
pub(crate) const RATE_PART: f64 = 0.05;

/// The longest uuid that the window remembers.
const MAX_UUID_BYTES: usize = 256;

/// How many events of a part that is read again were known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RereadCounts {
    /// The latest `published` that was settled before, ms since 1970.
    frontier_ms: i64,
    /// Events that were settled or in flight before.
    pub(crate) known: usize,
    /// Events that had not been given, though later ones had.
    pub(crate) late: usize,
}

impl RereadCounts {
    pub(crate) fn before(frontier_ms: i64) -> Self {
        Self {
            frontier_ms,
            known: 0,
            late: 0,
        }
    }

    /// Counts one page; true if anything in it was known.
    pub(crate) fn count(&mut self, page: &Page, dedup: &DedupWindow) -> bool {
        let before = self.known;
        for event in page.items.iter().flatten() {
            let Some(uuid) = event.uuid() else { continue };
            if dedup.contains(&uuid) {
                self.known += 1;
            } else if event.published().timestamp_millis() <= self.frontier_ms {
                self.late += 1;
            }
        }
        self.known > before
    }

    /// Keeps of a page only late events: not given before, though later ones were. Events behind the frontier come by polling; an
    /// event without a uuid or with too long a one, and a malformed element, cannot be told from a repeat, nor can one that was published
    /// before `oldest`: it was dropped as too old, and so not remembered.
    fn keep_late(&mut self, page: &mut Page, dedup: &DedupWindow, oldest: DateTime<Utc>) {
        page.items.retain(|item| {
            item.as_ref().is_ok_and(|event| {
                let uuid = event.uuid();
                let is_remembered = uuid.is_some_and(|uuid| uuid.len() <= MAX_UUID_BYTES);
                is_remembered && event.published() >= oldest
            })
        });
        self.count(page, dedup);
        let frontier_ms = self.frontier_ms;
        page.items.retain(|item| {
            item.as_ref().is_ok_and(|event| {
                event.published().timestamp_millis() <= frontier_ms
                    && event.uuid().is_some_and(|uuid| !dedup.contains(&uuid))
            })
        });
    }
}

/// Reads the overlap again, every so often.
///
/// A *turn* is at most [`MAX_REQUESTS`] requests, from the start of the overlap on. It begins, and goes on, only while there is nothing
/// new to read. It ends at an empty page, at a page with room for more that reaches the latest settled event, or with its last request:
/// it did not fit then. It is given up once the source falls behind or goes back, or Okta refuses its request.
#[derive(Debug)]
pub(crate) struct Reread {
    every: Option<Duration>,
    due: Option<Instant>,
    turn: Option<Turn>,
    /// A turn that did not fit was reported.
    has_reported: bool,
    /// The last turn has given events, which may be handed back.
    has_given: bool,
    /// The requests of the last turn must last until then.
    earliest: Instant,
}

#[derive(Debug)]
struct Turn {
    request: PageRequest,
    counts: RereadCounts,
    requests: u32,
    /// It did not fit into its requests.
    is_misfit: bool,
}

/// What a turn has found.
#[derive(Debug)]
pub(crate) struct TurnEnd {
    pub(crate) counts: RereadCounts,
    /// It is the first one that did not fit.
    pub(crate) is_first_misfit: bool,
}

impl Reread {
    /// A run that ends does not begin with a turn.
    pub(crate) fn new(every: Option<Duration>, once: bool) -> Self {
        let wait = |every: Duration| if once { every } else { Duration::ZERO };
        Self {
            every,
            due: every.map(|every| Instant::now() + wait(every)),
            turn: None,
            has_reported: false,
            has_given: false,
            earliest: Instant::now(),
        }
    }

    pub(crate) fn is_due(&self) -> bool {
        self.turn.is_none() && self.due.is_some_and(|due| due <= Instant::now())
    }

    pub(crate) fn begin(&mut self, request: PageRequest, frontier_ms: i64) {
        self.has_given = false;
        self.turn = Some(Turn {
            request,
            counts: RereadCounts::before(frontier_ms),
            requests: 0,
            is_misfit: false,
        });
    }

    /// True while a turn is under way.
    pub(crate) fn has_turn(&self) -> bool {
        self.turn.is_some()
    }

    /// The next request of the turn, which counts as sent.
    pub(crate) fn request(&mut self) -> Option<PageRequest> {
        let turn = self.turn.as_mut()?;
        turn.requests += 1;
        Some(turn.request.clone())
    }

    /// Removes all but the late events from a page of the turn. True if this was its last page.
    pub(crate) fn page(
        &mut self,
        page: &mut Page,
        dedup: &DedupWindow,
        now: DateTime<Utc>,
    ) -> bool {
        let Some(turn) = &mut self.turn else {
            return true;
        };
        let newest = page.published().max();
        let reaches_the_frontier =
            newest.is_some_and(|newest| newest.timestamp_millis() >= turn.counts.frontier_ms);
        let is_read = page.items.is_empty() || (!page.is_full && reaches_the_frontier);
        let age_limit = TimeDelta::from_std(AgeFilter::DEFAULT_LIMIT).unwrap_or(TimeDelta::MAX);
        turn.counts.keep_late(page, dedup, now - age_limit);
        self.has_given |= !page.items.is_empty();
        let next = page.next.take().map(PageRequest::Link);
        let next = next.filter(|next| !is_read && *next != turn.request);
        turn.is_misfit = next.is_some() && turn.requests >= MAX_REQUESTS;
        match next {
            Some(next) if !turn.is_misfit => {
                turn.request = next;
                false
            }
            _ => true,
        }
    }

    /// True if the turn may send no more requests.
    pub(crate) fn is_spent(&self) -> bool {
        self.turn
            .as_ref()
            .is_some_and(|turn| turn.requests >= MAX_REQUESTS)
    }

    /// The turn is over, or given up: what it has found. `spacing` says how long its requests must last; `None`: it is not known.
    pub(crate) fn end(&mut self, spacing: impl FnOnce(u32) -> Option<Duration>) -> Option<TurnEnd> {
        let turn = self.turn.take()?;
        let now = Instant::now();
        self.earliest = now + spacing(turn.requests).unwrap_or_default();
        self.due = self.every.map(|every| self.earliest.max(now + every));
        let is_first_misfit = turn.is_misfit && !self.has_reported;
        self.has_reported |= turn.is_misfit;
        Some(TurnEnd {
            counts: turn.counts,
            is_first_misfit,
        })
    }

    /// The source has gone back. `in_turn`: that ended a turn, which had not looked at all. And events that a turn has given may have
    /// been handed back: the next turn begins as soon as it may.
    pub(crate) fn restart(&mut self, in_turn: bool) {
        if self.has_given || in_turn {
            self.due = self.every.map(|_| self.earliest);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    /// The source goes back: what the turn had not looked at is looked at soon, and not only after another interval.
    #[tokio::test(start_paused = true)]
    async fn turn_that_was_given_up_begins_again_as_soon_as_it_may() {
        let every = Duration::from_secs(3600);
        for (in_turn, waits) in [(true, Duration::from_secs(60)), (false, every)] {
            let mut reread = Reread::new(Some(every), false);
            reread.begin(PageRequest::Since(DateTime::UNIX_EPOCH), 0);
            reread.end(|_| Some(Duration::from_secs(60)));
            reread.restart(in_turn);
            advance(waits - Duration::from_secs(1)).await;
            assert!(!reread.is_due(), "{in_turn}");
            advance(Duration::from_secs(1)).await;
            assert!(reread.is_due(), "{in_turn}");
        }
    }
}
