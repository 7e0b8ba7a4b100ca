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
}

impl Work {
    /// The share that is done, 0 to 1; `None`: it cannot be told yet.
    pub(super) fn share(&self, counts: &Counts, now: &Snapshot) -> Option<f64> {
        let share = match *self {
            Self::Events(0) => 1.0,
            Self::Events(all) => now.ended() as f64 / all as f64,
            Self::Until(end) => {
                let began = counts.began()?;
                let ms = |time: DateTime<Utc>| (time - began).num_milliseconds() as f64;
                ms(counts.through()?) / ms(end).max(1.0)
            }
        };
        Some(share.clamp(0.0, 1.0))
    }
}

/// The time that the rest takes at the speed so far; `None`: too little is done to tell.
pub(super) fn time_left(share: f64, elapsed: Duration) -> Option<Duration> {
    let is_known = share >= 0.01 && elapsed >= Duration::from_secs(2);
    is_known.then(|| elapsed.mul_f64((1.0 - share) / share))
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
    fn time_left_follows_the_speed_so_far() {
        let minute = Duration::from_secs(60);
        assert_eq!(time_left(0.25, minute), Some(minute * 3));
        assert_eq!(time_left(0.001, minute), None);
        assert_eq!(time_left(0.5, Duration::from_millis(100)), None);
    }
}
