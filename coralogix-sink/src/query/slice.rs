//! Ranges of time that queries are asked about.

use std::fmt;

use chrono::{DateTime, DurationRound, SecondsFormat, TimeDelta, Utc};
use okta_coralogix_core::{Error, Result};

/// Slices are not halved below this.
const SHORTEST: TimeDelta = TimeDelta::minutes(1);

/// A range of time with its start and without its end, by the `timestamp` of the logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TimeSlice {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
}

impl TimeSlice {
    /// From `start` up to, and without, `end`.
    ///
    /// # Errors
    /// `Config` unless `start` is before `end`.
    pub fn new(start: DateTime<Utc>, end: DateTime<Utc>) -> Result<Self> {
        if start < end {
            return Ok(Self { start, end });
        }
        let detail = format!(
            "it starts at {} and ends at {}; write a start that is before the end",
            text(start),
            text(end)
        );
        Err(Error::config("the range of time", detail))
    }

    /// The first instant in it.
    #[must_use]
    pub fn start(&self) -> DateTime<Utc> {
        self.start
    }

    /// The first instant behind it.
    #[must_use]
    pub fn end(&self) -> DateTime<Utc> {
        self.end
    }

    /// True if `time` is in it.
    #[must_use]
    pub fn contains(&self, time: DateTime<Utc>) -> bool {
        self.start <= time && time < self.end
    }

    /// Its parts by the hours of UTC, in order. The archive is laid out by them: a slice that does not cross an hour touches the fewest files.
    pub fn hours(&self) -> impl Iterator<Item = Self> + use<> {
        let Self { start, end } = *self;
        let mut next = Some(start);
        std::iter::from_fn(move || {
            let start = next.filter(|start| *start < end)?;
            let hour = start.duration_trunc(TimeDelta::hours(1)).unwrap_or(start);
            next = hour.checked_add_signed(TimeDelta::hours(1));
            Some(Self {
                start,
                end: next.map_or(end, |next| next.min(end)),
            })
        })
    }

    /// Two parts that together are this slice, cut at a full minute. `None` if it is a minute long or shorter.
    #[must_use]
    pub fn halves(&self) -> Option<[Self; 2]> {
        let length = self.end - self.start;
        if length <= SHORTEST {
            return None;
        }
        let half = self.start + length / 2;
        let minute = half.duration_trunc(SHORTEST).unwrap_or(half);
        // Within the first minute of a slice that begins in the middle of one.
        let middle = if minute > self.start { minute } else { half };
        Some([
            Self {
                start: self.start,
                end: middle,
            },
            Self {
                start: middle,
                end: self.end,
            },
        ])
    }
}

/// `2026-11-28T00:00:00Z to 2026-11-28T01:00:00Z`.
impl fmt::Display for TimeSlice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", text(self.start), text(self.end))
    }
}

/// RFC 3339 in UTC, with as many decimal places as the time has.
pub(super) fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slice(start: &str, end: &str) -> TimeSlice {
        TimeSlice::new(start.parse().unwrap(), end.parse().unwrap()).unwrap()
    }

    #[test]
    fn time_slice_is_cut_at_the_hours_of_utc() {
        let range = slice("2026-11-28T22:30:00Z", "2026-11-29T01:15:00.5Z");
        let hours: Vec<_> = range.hours().map(|hour| hour.to_string()).collect();
        assert_eq!(
            hours,
            [
                "2026-11-28T22:30:00Z to 2026-11-28T23:00:00Z",
                "2026-11-28T23:00:00Z to 2026-11-29T00:00:00Z",
                "2026-11-29T00:00:00Z to 2026-11-29T01:00:00Z",
                "2026-11-29T01:00:00Z to 2026-11-29T01:15:00.500Z",
            ]
        );
    }

    #[test]
    fn time_slice_without_length_is_refused() {
        let time = "2026-11-28T22:30:00Z".parse().unwrap();
        let error = TimeSlice::new(time, time).unwrap_err();
        assert!(error.detail().contains("before the end"), "{error}");
    }

    proptest! {
        #[test]
        fn parts_of_a_time_slice_cover_it_without_gap_or_overlap(start in 0_i64..4_000_000_000_000, length in 1_i64..900_000_000) {
            let time = |millis| DateTime::from_timestamp_millis(millis).unwrap();
            let range = TimeSlice::new(time(start), time(start + length)).unwrap();
            let covers = |parts: &[TimeSlice]| {
                parts.first().map(|part| part.start) == Some(range.start)
                    && parts.last().map(|part| part.end) == Some(range.end)
                    && parts.windows(2).all(|two| two[0].end == two[1].start)
                    && parts.iter().all(|part| part.start < part.end)
            };
            prop_assert!(covers(&range.hours().collect::<Vec<_>>()));
            match range.halves() {
                Some(halves) => prop_assert!(covers(&halves)),
                None => prop_assert!(length <= 60_000),
            }
        }
    }
}
