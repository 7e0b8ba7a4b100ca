//! How many events the overlap of the fallback holds, so that the window of uuids can hold them too.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use okta_coralogix_core::filter::DedupWindow;

use crate::poll::page::Page;

/// The window does not grow beyond this by itself: 200,000 uuids take 3.2 MB with each commit.
pub(crate) const MAX_CAPACITY: usize = 200_000;

/// Events per minute of `published`.
#[derive(Debug)]
pub(crate) struct OverlapWindow {
    minutes: i64,
    counts: BTreeMap<i64, usize>,
    given: GivenPages,
    has_warned: bool,
}

/// When pages were given, as far back as the window of uuids holds their events.
#[derive(Debug, Default)]
struct GivenPages {
    /// The org's time of each answer, and its events.
    pages: VecDeque<(DateTime<Utc>, usize)>,
    /// The events of all but the first of them.
    events: usize,
    /// There was an earlier one.
    has_forgotten: bool,
}

impl GivenPages {
    fn add(&mut self, now: DateTime<Utc>, events: usize, capacity: usize) {
        if events == 0 {
            return;
        }
        if !self.pages.is_empty() {
            self.events += events;
        }
        self.pages.push_back((now, events));
        while self.events.saturating_add(self.events / 4) > capacity && self.pages.len() > 1 {
            self.pages.pop_front();
            self.events -= self.pages.front().map_or(0, |(_, events)| *events);
            self.has_forgotten = true;
        }
    }

    /// Everything that Okta stored after this time and that was given is in the window. `None`: there is no such bound in this run.
    fn bound(&self) -> Option<DateTime<Utc>> {
        let (first, _) = self.pages.front()?;
        self.has_forgotten.then_some(*first)
    }
}

impl OverlapWindow {
    pub(crate) fn new(overlap: TimeDelta) -> Self {
        Self {
            minutes: overlap.num_minutes().saturating_add(1),
            counts: BTreeMap::new(),
            given: GivenPages::default(),
            has_warned: false,
        }
    }

    /// Counts a page, and lets the window grow with a quarter to spare. False, once, if it would have to grow too far.
    pub(crate) fn page(&mut self, page: &Page, now: DateTime<Utc>, dedup: &DedupWindow) -> bool {
        for published in page.published().filter(|published| *published <= now) {
            *self
                .counts
                .entry(published.timestamp().div_euclid(60))
                .or_default() += 1;
        }
        if let Some((&last, _)) = self.counts.last_key_value() {
            self.counts = self.counts.split_off(&(last - self.minutes));
        }
        let held: usize = self.counts.values().sum();
        let wanted = held.saturating_add(held / 4);
        if dedup.capacity() > 0 && wanted > dedup.capacity() {
            dedup.grow(wanted.min(MAX_CAPACITY));
        }
        self.given.add(now, page.items.len(), dedup.capacity());
        let warns = wanted > MAX_CAPACITY && !self.has_warned;
        self.has_warned |= warns;
        !warns
    }

    /// From when on the window of uuids holds every event that was given, so that one which it does not hold is new. `None`: it holds
    /// too few to tell.
    ///
    /// A poll asks for what Okta has stored since a time, whenever it was published: after a backlog that is much, of which the window holds
    /// the last.
    pub(crate) fn known_since(&self, dedup: &DedupWindow) -> Option<DateTime<Utc>> {
        let known_since = self.known_by_published(dedup)?;
        Some(
            self.given
                .bound()
                .map_or(known_since, |bound| known_since.max(bound)),
        )
    }

    fn known_by_published(&self, dedup: &DedupWindow) -> Option<DateTime<Utc>> {
        match dedup.capacity() {
            0 => return None,
            // It grows in time.
            capacity if capacity < MAX_CAPACITY => return Some(DateTime::<Utc>::MIN_UTC),
            _ => {}
        }
        let mut held = 0_usize;
        let minutes = self.counts.iter().rev().take_while(|(_, count)| {
            held = held.saturating_add(**count);
            held.saturating_add(held / 4) <= dedup.capacity()
        });
        let (&minute, _) = minutes.last()?;
        DateTime::from_timestamp(minute.saturating_mul(60), 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_part_of_the_overlap_is_what_the_window_can_hold() {
        let at = |minute: i64| DateTime::from_timestamp(60 * minute, 0);
        let mut window = OverlapWindow::new(TimeDelta::minutes(10));
        assert_eq!(window.known_since(&DedupWindow::new(0)), None);
        let grows = DedupWindow::new(20_000);
        assert_eq!(window.known_since(&grows), Some(DateTime::<Utc>::MIN_UTC));
        let full = DedupWindow::new(MAX_CAPACITY);
        assert_eq!(window.known_since(&full), None, "nothing was read yet");
        // 500 a second: 160,000 leave a quarter to spare.
        window.counts = (100..110).map(|minute| (minute, 30_000)).collect();
        assert_eq!(window.known_since(&full), at(105));
        window.counts = (100..110).map(|minute| (minute, 300_000)).collect();
        assert_eq!(window.known_since(&full), None, "not even one minute");
    }

    #[test]
    fn after_a_backlog_the_window_knows_what_was_stored_since_its_first_page() {
        let at = |second: i64| DateTime::from_timestamp(second, 0).unwrap();
        let dedup = DedupWindow::new(10_000);
        let mut window = OverlapWindow::new(TimeDelta::minutes(10));
        for second in 0..=8 {
            window.given.add(at(second), 1_000, dedup.capacity());
        }
        let all = DateTime::<Utc>::MIN_UTC;
        assert_eq!(window.known_since(&dedup), Some(all), "8,000 and a quarter");
        for second in 9..100 {
            window.given.add(at(second), 1_000, dedup.capacity());
            assert_eq!(window.known_since(&dedup), Some(at(second - 8)));
        }
        window.given.add(at(100), 50_000, dedup.capacity());
        assert_eq!(window.known_since(&dedup), Some(at(100)));
    }
}
