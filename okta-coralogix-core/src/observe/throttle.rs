//! Log lines of things that may happen to many events: gathered, so that the first is said at once and the rest is counted.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

/// The least time between two lines of an episode; after as long without an event it ends.
const EPISODE_INTERVAL: Duration = Duration::from_secs(60);

/// Lines that are written at once, and the time after which one more may be.
const BURST: u32 = 10;
const REFILL: Duration = Duration::from_secs(10);

/// Events that are dropped as too old. States:
/// * *closed*: there were none of late;
/// * *open*: some were. Said at the first line after the first of them, once a minute while there are more, and at the end.
#[derive(Debug, Default)]
pub(super) struct Episode(Option<Open>);

#[derive(Debug)]
struct Open {
    /// All of them, and those that no line has counted.
    events: u64,
    untold: u64,
    first: DateTime<Utc>,
    last: DateTime<Utc>,
    said_at: Option<Instant>,
}

/// A line to be written of an episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EpisodeLine {
    pub(super) is_end: bool,
    /// Since the line before; at the end all of them.
    pub(super) events: u64,
    /// The earliest and the latest `published` of the episode.
    pub(super) first: DateTime<Utc>,
    pub(super) last: DateTime<Utc>,
}

impl Episode {
    pub(super) fn count(&mut self, published: DateTime<Utc>) {
        let open = self.0.get_or_insert(Open {
            events: 0,
            untold: 0,
            first: published,
            last: published,
            said_at: None,
        });
        open.events += 1;
        open.untold += 1;
        open.first = open.first.min(published);
        open.last = open.last.max(published);
    }

    /// The line that is due. `ends`: there will be no more.
    pub(super) fn line(&mut self, ends: bool) -> Option<EpisodeLine> {
        let open = self.0.as_mut()?;
        let is_due = open
            .said_at
            .is_none_or(|at| at.elapsed() >= EPISODE_INTERVAL);
        if !ends && !is_due {
            return None;
        }
        let is_end = ends || open.untold == 0;
        let line = EpisodeLine {
            is_end,
            events: if is_end { open.events } else { open.untold },
            first: open.first,
            last: open.last,
        };
        match is_end {
            true => self.0 = None,
            false => (open.untold, open.said_at) = (0, Some(Instant::now())),
        }
        Some(line)
    }

    pub(super) fn is_open(&self) -> bool {
        self.0.is_some()
    }
}

/// Lets ten lines through at once, and one more every ten seconds.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    /// Lines that were written of late, as if each faded after a while.
    written: u32,
    faded_at: Option<Instant>,
    untold: u64,
}

impl Throttle {
    /// Whether this line is written; with the number of those before it that were not.
    pub(super) fn admit(&mut self) -> Option<u64> {
        self.fade();
        if self.written >= BURST {
            self.untold += 1;
            return None;
        }
        self.written += 1;
        Some(std::mem::take(&mut self.untold))
    }

    /// How many lines were not written, if it is time to say so. `ends`: there will be no more.
    pub(super) fn rest(&mut self, ends: bool) -> Option<u64> {
        self.fade();
        let is_due = ends || self.written < BURST;
        (is_due && self.untold > 0).then(|| {
            self.written += 1;
            std::mem::take(&mut self.untold)
        })
    }

    pub(super) fn has_rest(&self) -> bool {
        self.untold > 0
    }

    fn fade(&mut self) {
        let now = Instant::now();
        let since = *self.faded_at.get_or_insert(now);
        let faded = (now - since).as_secs() / REFILL.as_secs();
        let faded = u32::try_from(faded).unwrap_or(u32::MAX);
        match self.written.saturating_sub(faded) {
            0 => (self.written, self.faded_at) = (0, Some(now)),
            written => {
                self.written = written;
                self.faded_at = Some(since + REFILL * faded);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn at(second: u32) -> DateTime<Utc> {
        DateTime::from_timestamp(i64::from(second), 0).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn episode_is_said_at_its_begin_each_minute_and_at_its_end() {
        let mut episode = Episode::default();
        assert_eq!(episode.line(false), None);
        for second in [30, 10, 20] {
            episode.count(at(second));
        }
        let mut expected = EpisodeLine {
            is_end: false,
            events: 3,
            first: at(10),
            last: at(30),
        };
        assert_eq!(episode.line(false), Some(expected));
        episode.count(at(40));
        assert_eq!(episode.line(false), None, "within the minute");
        advance(EPISODE_INTERVAL).await;
        (expected.events, expected.last) = (1, at(40));
        assert_eq!(episode.line(false), Some(expected));
        advance(EPISODE_INTERVAL).await;
        (expected.events, expected.is_end) = (4, true);
        assert_eq!(episode.line(false), Some(expected));
        assert!(!episode.is_open());
        episode.count(at(50));
        assert_eq!(episode.line(true).map(|line| line.events), Some(1));
        assert_eq!(episode.line(true), None);
    }

    #[tokio::test(start_paused = true)]
    async fn throttle_lets_ten_through_then_one_in_ten_seconds_and_counts_the_rest() {
        let mut throttle = Throttle::default();
        for _ in 0..BURST {
            assert_eq!(throttle.admit(), Some(0));
        }
        for _ in 0..5 {
            assert_eq!(throttle.admit(), None);
        }
        assert_eq!(throttle.rest(false), None);
        advance(REFILL).await;
        assert_eq!(throttle.admit(), Some(5));
        assert_eq!(throttle.admit(), None);
        assert_eq!(throttle.rest(true), Some(1));
        assert_eq!(throttle.rest(true), None);
        throttle.admit();
        advance(REFILL * 3).await;
        assert!(throttle.has_rest());
        assert_eq!(throttle.rest(false), Some(1), "said without another one");
    }
}
