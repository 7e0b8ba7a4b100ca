//! Work that has an end, and how much of it is done.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::counts::{Counts, Snapshot};

/// The extent of a run.
#[derive(Debug, Clone, Copy)]
pub enum Work {
    /// So many events.
    Events(u64),
    /// The events from the source's position to this time.
    Until(DateTime<Utc>),
    /// The events that were published from the one time to the other. What earlier runs have read of it is done.
    Range(DateTime<Utc>, DateTime<Utc>),
}

/// How far work is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Done {
    /// 0 to 1.
    pub(super) share: f64,
    /// At the speed so far; `None`: too little is done to tell.
    pub(super) left: Option<Duration>,
}

impl Work {
    /// How far it is, `elapsed` after the beginning of the run; `None`: it cannot be told yet.
    pub(super) fn done(&self, counts: &Counts, now: &Snapshot, elapsed: Duration) -> Option<Done> {
        let share = self.share(counts, now)?;
        let began = self.share_at_the_beginning(counts);
        let left = time_left(share, began, elapsed);
        Some(Done { share, left })
    }

    fn share_at_the_beginning(&self, counts: &Counts) -> f64 {
        match (*self, counts.began()) {
            (Self::Range(from, to), Some(began)) => part(from, began, to),
            _ => 0.0,
        }
    }

    /// The share that is done, 0 to 1; `None`: it cannot be told yet.
    fn share(&self, counts: &Counts, now: &Snapshot) -> Option<f64> {
        let share = match *self {
            Self::Events(0) => 1.0,
            Self::Events(all) => now.ended() as f64 / all as f64,
            Self::Until(end) => part(counts.began()?, counts.through()?, end),
            // Behind the last event there may be none for a while.
            Self::Range(..) if counts.is_read_through() && now.pending() == 0 => 1.0,
            Self::Range(from, to) => part(from, counts.through()?, to),
        };
        Some(share.clamp(0.0, 1.0))
    }
}

/// The part of the time from `start` to `end` that lies before `time`, 0 to 1.
fn part(start: DateTime<Utc>, time: DateTime<Utc>, end: DateTime<Utc>) -> f64 {
    let ms = |time: DateTime<Utc>| (time - start).num_milliseconds() as f64;
    (ms(time) / ms(end).max(1.0)).clamp(0.0, 1.0)
}

/// The time that the rest takes at the speed since the share `began`; `None`: too little is done to tell.
pub(super) fn time_left(share: f64, began: f64, elapsed: Duration) -> Option<Duration> {
    let done = share - began;
    let is_known = done >= 0.01 && elapsed >= Duration::from_secs(2);
    is_known.then(|| elapsed.mul_f64((1.0 - share) / done))
}

#[cfg(test)]
mod tests {
    use okta_coralogix_core::observe::PipelineEvent;

    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_000_000 + second, 0).unwrap()
    }

    #[test]
    fn share_is_that_of_the_events_or_of_the_time() {
        let counts = Counts::default();
        let half = Snapshot {
            delivered: 40,
            dead_lettered: 10,
            ..Snapshot::default()
        };
        assert_eq!(Work::Events(100).share(&counts, &half), Some(0.5));
        assert_eq!(Work::Events(20).share(&counts, &half), Some(1.0));
        let until = Work::Until(at(100));
        assert_eq!(until.share(&counts, &half), None);
        for (time, share) in [(0, 0.0), (25, 0.25), (120, 1.0)] {
            counts.count(
                &PipelineEvent::DeliveredThrough { time: at(time) },
                at(1000),
            );
            assert_eq!(until.share(&counts, &half), Some(share));
        }
        assert_eq!(Work::Events(0).share(&counts, &half), Some(1.0));
    }

    #[test]
    fn share_of_a_range_includes_what_earlier_runs_have_read() {
        let (counts, now) = (Counts::default(), Snapshot::default());
        let work = Work::Range(at(0), at(1000));
        let minute = Duration::from_secs(60);
        let done = |second| {
            let through = PipelineEvent::DeliveredThrough { time: at(second) };
            counts.count(&through, at(5000));
            work.done(&counts, &now, minute)
        };
        let (share, left) = (0.5, None);
        assert_eq!(done(500), Some(Done { share, left }), "it goes on half way");
        let done = done(600).unwrap();
        assert_eq!((done.share, done.left), (0.6, Some(minute * 4)));
        let read = PipelineEvent::BackfillProgress {
            published: at(1000),
            share: 1.0,
        };
        counts.count(&read, at(5000));
        let pending = Snapshot { received: 1, ..now };
        assert_eq!(work.share(&counts, &pending), Some(0.6));
        assert_eq!(work.share(&counts, &now), Some(1.0));
    }

    #[test]
    fn time_left_follows_the_speed_so_far() {
        let minute = Duration::from_secs(60);
        assert_eq!(time_left(0.25, 0.0, minute), Some(minute * 3));
        assert_eq!(time_left(0.75, 0.5, minute), Some(minute));
        assert_eq!(time_left(0.501, 0.5, minute), None);
        assert_eq!(time_left(0.5, 0.0, Duration::from_millis(100)), None);
    }
}
