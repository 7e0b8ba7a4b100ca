//! When a line is due: counts while events move, a sign of life while none does.

use std::time::Duration;

use tokio::time::Instant;

use super::counts::Snapshot;

/// The lines of one integration so far.
#[derive(Debug)]
pub(super) struct Schedule {
    said_at: Instant,
    said: Snapshot,
}

/// A line to be written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Events have moved since the last line: so many.
    Counts(Snapshot),
    /// None has, for this long.
    Quiet(Duration),
}

impl Schedule {
    pub(super) fn new() -> Self {
        Self {
            said_at: Instant::now(),
            said: Snapshot::default(),
        }
    }

    /// The line that is due now, if one is.
    pub(super) fn due(
        &mut self,
        now: Snapshot,
        interval: Duration,
        heartbeat: Duration,
    ) -> Option<Line> {
        let elapsed = self.said_at.elapsed();
        let has_moved = now != self.said;
        let is_due = elapsed >= if has_moved { interval } else { heartbeat };
        is_due.then(|| self.say(now, elapsed))
    }

    /// The last line, if events have moved since the one before.
    pub(super) fn last(&mut self, now: Snapshot) -> Option<Line> {
        (now != self.said).then(|| self.say(now, Duration::ZERO))
    }

    fn say(&mut self, now: Snapshot, elapsed: Duration) -> Line {
        let since = now.since(&self.said);
        let has_moved = now != self.said;
        (self.said_at, self.said) = (Instant::now(), now);
        match has_moved {
            true => Line::Counts(since),
            false => Line::Quiet(elapsed),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const HOUR: Duration = Duration::from_secs(3600);

    fn received(events: u64) -> Snapshot {
        Snapshot {
            received: events,
            ..Snapshot::default()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn counts_are_said_once_a_minute_and_quiet_once_an_hour() {
        let mut schedule = Schedule::new();
        let mut due = |events| schedule.due(received(events), MINUTE, HOUR);
        assert_eq!(due(5), None);
        advance(MINUTE).await;
        assert_eq!(due(7), Some(Line::Counts(received(7))));
        assert_eq!(due(9), None, "within the minute");
        advance(MINUTE).await;
        assert_eq!(due(9), Some(Line::Counts(received(2))));
        advance(HOUR - MINUTE).await;
        assert_eq!(due(9), None);
        advance(MINUTE).await;
        assert_eq!(due(9), Some(Line::Quiet(HOUR)));
        assert_eq!(due(9), None);
        advance(HOUR / 2).await;
        assert_eq!(due(10), Some(Line::Counts(received(1))), "at once");
        assert_eq!(schedule.last(received(10)), None);
        assert_eq!(schedule.last(received(12)), Some(Line::Counts(received(2))));
    }
}
