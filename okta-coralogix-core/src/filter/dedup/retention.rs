//! How long a window remembers, and from when on it knows all.
//!
//! Identities are numbered in the order in which they are remembered. A [`Mark`] says that those from a number on were remembered at a
//! time or later. So the time of the first mark that is not behind the oldest number is the time from which nothing was forgotten:
//! rounded up, never down.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Clock;

/// So many marks at most, and a few: the time from which a window knows all is rounded by a thousandth of its retention.
const MARKS: i64 = 1024;

/// A process that is killed more often within the retention joins the oldest gaps.
const MAX_GAPS: usize = 64;

/// Identities are forgotten at most at this rate, each time that one is remembered, so that none pays for many.
const FORGOTTEN_AT_ONCE: usize = 2;

/// What is known of the times of the remembered identities.
pub(super) struct Retention {
    clock: Arc<dyn Clock>,
    keep_ms: i64,
    step_ms: i64,
    /// Both parts rise. The first one has the number of the oldest identity, or one before it.
    marks: VecDeque<Mark>,
    gaps: Vec<Gap>,
}

/// From `number` on, identities were remembered at `at_ms` or later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    at_ms: i64,
    number: u64,
}

/// A time whose identities were not stored, ms since 1970: from the last save of a process that was killed, until the next began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Gap {
    pub(crate) from_ms: i64,
    pub(crate) until_ms: i64,
}

/// The stored form of the times of a window.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct RetainedTimes {
    /// Times in ms since 1970, each with the place of the first identity that was remembered from then on.
    pub(crate) marks: Vec<(i64, u64)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) gaps: Vec<Gap>,
}

impl Retention {
    /// Of a window that was filled at `times`; an empty one knows all from now on.
    pub(super) fn new(clock: Arc<dyn Clock>, keep: Duration, times: &RetainedTimes) -> Self {
        let keep_ms = i64::try_from(keep.as_millis()).unwrap_or(i64::MAX);
        let marks = times.marks.iter();
        let marks = marks.map(|&(at_ms, number)| Mark { at_ms, number });
        let mut marks: VecDeque<_> = marks.collect();
        if marks.is_empty() {
            let at_ms = clock.now().timestamp_millis();
            marks.push_back(Mark { at_ms, number: 0 });
        }
        Self {
            clock,
            keep_ms,
            step_ms: (keep_ms / MARKS).max(1),
            marks,
            gaps: times.gaps.clone(),
        }
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.clock.now().timestamp_millis()
    }

    /// An identity of this number is about to be remembered.
    pub(super) fn mark(&mut self, now_ms: i64, number: u64) {
        // The clock was ahead: these identities were remembered before now, and behind the mark before.
        let latest = now_ms.saturating_add(self.step_ms);
        while self.marks.back().is_some_and(|mark| mark.at_ms > latest) {
            self.marks.pop_back();
        }
        // A mark of the same number stays: nothing was forgotten since its time.
        let is_due =
            |last: &Mark| last.number < number && last.at_ms.saturating_add(self.step_ms) <= now_ms;
        if self.marks.back().is_none_or(is_due) {
            self.marks.push_back(Mark {
                at_ms: now_ms,
                number,
            });
        }
    }

    /// How many of the identities from number `first` on have been kept for long enough; two at most.
    pub(super) fn expired(&self, now_ms: i64, first: u64) -> usize {
        let before = now_ms.saturating_sub(self.keep_ms);
        // They were remembered before the second mark: each of them is as old as that, or older.
        match self.marks.get(1) {
            Some(next) if next.at_ms <= before => {
                let count = next.number.saturating_sub(first);
                usize::try_from(count)
                    .map_or(FORGOTTEN_AT_ONCE, |count| count.min(FORGOTTEN_AT_ONCE))
            }
            _ => 0,
        }
    }

    /// The oldest identity has this number now: marks before it are not needed any more.
    pub(super) fn forgotten_before(&mut self, first: u64) {
        while self.marks.get(1).is_some_and(|next| next.number <= first) {
            self.marks.pop_front();
        }
    }

    /// From when on all is known, where the oldest identity has this number. Rounded up.
    pub(super) fn covered_since_ms(&self, first: u64) -> i64 {
        let mut marks = self.marks.iter();
        let known = marks.find(|mark| mark.number >= first);
        known.map_or_else(|| self.now_ms(), |mark| mark.at_ms)
    }

    pub(super) fn covers(&self, published: DateTime<Utc>, first: u64) -> bool {
        let published = published.timestamp_millis();
        let mut gaps = self.gaps.iter();
        let is_in_gap = gaps.any(|gap| (gap.from_ms..gap.until_ms).contains(&published));
        published >= self.covered_since_ms(first) && !is_in_gap
    }

    /// The stored form, where the oldest identity has this number.
    pub(super) fn times(&self, first: u64) -> RetainedTimes {
        let place = |mark: &Mark| (mark.at_ms, mark.number.saturating_sub(first));
        // The first mark may be of forgotten ones: all is known from the next one on.
        let marks = self.marks.iter().filter(|mark| mark.number >= first);
        let mut marks: Vec<_> = marks.map(place).collect();
        if marks.is_empty() {
            marks.push((self.now_ms(), 0));
        }
        RetainedTimes {
            marks,
            gaps: self.gaps.clone(),
        }
    }
}

impl RetainedTimes {
    /// Notes one more gap. Those that ended before `kept_since_ms` are of no use any more.
    pub(crate) fn add_gap(&mut self, gap: Gap, kept_since_ms: i64) {
        self.gaps.retain(|known| known.until_ms > kept_since_ms);
        self.gaps.push(gap);
        if self.gaps.len() > MAX_GAPS {
            // Together they are one that is longer than both.
            let first = self.gaps.remove(0);
            self.gaps[0].from_ms = first.from_ms;
        }
    }

    /// True if no window can have stored these: places and times rise, and no place is behind the last of `identities`.
    pub(crate) fn are_wrong(&self, identities: usize) -> bool {
        let rises = |one: &(i64, u64), next: &(i64, u64)| one.0 <= next.0 && one.1 <= next.1;
        let last = self.marks.last().map_or(0, |(_, place)| *place);
        !self.marks.is_sorted_by(rises) || last > identities as u64
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use tokio::time::advance;

    use super::*;
    use crate::filter::{Claim, DedupWindow};
    use crate::testing::TestClock;

    const MINUTE: Duration = Duration::from_secs(60);
    const HOUR: Duration = Duration::from_secs(3600);

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    fn remember(window: &DedupWindow, id: &str) {
        match window.claim(id) {
            Claim::New(claim) => claim.remember(),
            other => panic!("{id}: {other:?}"),
        }
    }

    fn window(capacity: usize) -> DedupWindow {
        let clock = TestClock::starting_at(at(0));
        DedupWindow::retaining(HOUR, capacity, Arc::new(clock))
    }

    #[tokio::test(start_paused = true)]
    async fn window_that_retains_forgets_by_time() {
        let window = window(1000);
        for minute in 0..180 {
            remember(&window, &minute.to_string());
            advance(MINUTE).await;
        }
        assert!(window.len() <= 62, "{window:?}");
        for minute in 0..180 {
            let is_kept = minute > 118;
            let known = window.contains(&minute.to_string());
            assert!(known || !is_kept, "{minute} is of the last hour");
            assert!(!known || minute > 115, "{minute} is older");
        }
        let since = window.covered_since().unwrap();
        assert!((at(116)..=at(119)).contains(&since), "{since}");
        assert!(window.covers(at(119)) && !window.covers(at(115)));
    }

    #[tokio::test(start_paused = true)]
    async fn window_that_is_full_says_from_when_on_it_knows_all() {
        let window = window(10);
        assert_eq!(window.covered_since(), Some(at(0)));
        for minute in 0..30 {
            remember(&window, &minute.to_string());
            let since = window.covered_since().unwrap();
            let oldest = (minute - 9).max(0);
            // Never earlier than the oldest that is left.
            assert!((at(oldest)..=at(oldest + 1)).contains(&since), "{since}");
            advance(MINUTE).await;
        }
        assert_eq!(window.len(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn many_at_one_time_are_covered_from_the_next_mark_on_only() {
        let window = window(10);
        for id in 0..12 {
            remember(&window, &format!("a{id}"));
        }
        advance(MINUTE).await;
        assert!(!window.covers(at(0)), "two of then are forgotten");
        remember(&window, "b");
        assert_eq!(window.covered_since(), Some(at(1)));
    }

    #[test]
    fn gaps_are_kept_while_they_matter_and_are_bounded() {
        let mut times = RetainedTimes::default();
        let gap = |from_ms| Gap {
            from_ms,
            until_ms: from_ms + 5,
        };
        for from in 0..100 {
            times.add_gap(gap(from * 10), 105);
        }
        assert_eq!(times.gaps.len(), MAX_GAPS);
        assert_eq!(
            times.gaps[0].from_ms, 110,
            "the first that is not over by 105"
        );
        assert_eq!(times.gaps[MAX_GAPS - 1], gap(990));
        times.add_gap(gap(2000), 1500);
        assert_eq!(times.gaps, [gap(2000)]);
    }

    #[test]
    fn times_that_no_window_has_are_told() {
        let times = |marks: &[(i64, u64)]| RetainedTimes {
            marks: marks.to_vec(),
            gaps: Vec::new(),
        };
        assert!(!times(&[(1, 0), (2, 3)]).are_wrong(3));
        for wrong in [&[(1, 0), (2, 4)][..], &[(2, 0), (1, 3)], &[(1, 3), (2, 0)]] {
            assert!(times(wrong).are_wrong(3), "{wrong:?}");
        }
    }
}
