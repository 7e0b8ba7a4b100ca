//! Which time is verified, and which is to be audited next. Pure.
//!
//! Time before `audited_through` was audited. Each part of it is *verified*, and never audited again, or *open*: an answer was no proof.
//! Time behind it is *new*. A round audits the new time, in pieces, and then open parts again, those first that wait longest. A part that is
//! verified is open no more; adjacent open parts become one. An open part is forgotten when Okta does not keep its events any more.

use chrono::{DateTime, TimeDelta, Utc};
use coralogix_sink::query::TimeSlice;
use serde::{Deserialize, Serialize};

/// The hours of the longest range of one audit, so that its memory is bounded and other orgs have their turns.
const LONGEST_HOURS: u32 = 24;

/// An open part is audited with this much of the time around it: events that are stored there show that a query works.
pub(super) const AROUND: TimeDelta = TimeDelta::hours(1);

/// With each audit without proof the time around doubles, to this many hours at most: a quiet org has few events.
const MOST_AROUND_HOURS: u32 = 12;

/// Open parts that a round audits again, at most.
const RETRIED: usize = 4;

/// Open parts that are remembered; beyond that the nearest become one.
const MAX_OPEN: usize = 64;

/// Okta keeps its log for 90 days.
const KEPT: TimeDelta = TimeDelta::days(89);

/// What is verified of an org's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ranges {
    audited_through: DateTime<Utc>,
    /// In order, apart from each other.
    open: Vec<OpenRange>,
    /// The hours of the longest range, fewer than a day after an audit that took too long.
    #[serde(default = "longest_hours")]
    longest_hours: u32,
}

fn longest_hours() -> u32 {
    LONGEST_HOURS
}

/// A part of the audited time without proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OpenRange {
    pub(super) from: DateTime<Utc>,
    pub(super) to: DateTime<Utc>,
    /// When it was audited last.
    tried: DateTime<Utc>,
    /// Audits of it that were no proof of its beginning, but the first.
    #[serde(default)]
    retries: u32,
    /// Why there was no proof.
    pub(super) reason: String,
}

/// An audit of a round: what is asked about, and the part of it that is decided by that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) range: TimeSlice,
    pub(super) part: TimeSlice,
}

impl Ranges {
    /// Nothing is audited; the first range begins at `start`.
    pub(super) fn beginning(start: DateTime<Utc>) -> Self {
        Self {
            audited_through: start,
            open: Vec::new(),
            longest_hours: LONGEST_HOURS,
        }
    }

    pub(super) fn longest(&self) -> TimeDelta {
        TimeDelta::hours(self.longest_hours.clamp(1, LONGEST_HOURS).into())
    }

    /// An audit took too long: the next ranges are half as long.
    pub(super) fn was_late(&mut self) {
        self.longest_hours = (self.longest_hours / 2).max(1);
    }

    /// An audit of `asked` has ended in time: if it was as long as one may be, the next ones are twice as long.
    pub(super) fn was_in_time(&mut self, asked: TimeSlice) {
        if asked.end() - asked.start() >= self.longest() {
            self.longest_hours = self.longest_hours.saturating_mul(2).min(LONGEST_HOURS);
        }
    }

    fn around(&self, open: &OpenRange) -> TimeDelta {
        let doubled = 1 << open.retries.min(4);
        let most = MOST_AROUND_HOURS.min(self.longest_hours.max(1));
        AROUND * doubled.min(most as i32)
    }

    /// All time before is verified, from the beginning on.
    pub(super) fn verified_through(&self) -> DateTime<Utc> {
        self.open
            .first()
            .map_or(self.audited_through, |open| open.from)
    }

    /// What the next round audits, if time up to `end` can be judged.
    pub(super) fn plan(&self, end: DateTime<Utc>) -> Vec<Asked> {
        let mut plan = Vec::new();
        let mut from = self.audited_through;
        while from < end {
            let to = end.min(from + self.longest());
            plan.extend(TimeSlice::new(from, to).map(|part| Asked { range: part, part }));
            from = to;
        }
        let end = end.max(self.audited_through);
        let mut open: Vec<_> = self.open.iter().collect();
        open.sort_by_key(|open| open.tried);
        plan.extend(open.into_iter().take(RETRIED).filter_map(|open| {
            let to = open.to.min(open.from + self.longest());
            let around = self.around(open);
            let range = TimeSlice::new(open.from - around, (to + around).min(end)).ok()?;
            let part = TimeSlice::new(open.from, to).ok()?;
            Some(Asked { range, part })
        }));
        plan
    }

    /// `part` was audited at `now`, and is verified but for `open`, with the reasons.
    pub(super) fn audited(
        &mut self,
        part: TimeSlice,
        open: &[(TimeSlice, String)],
        now: DateTime<Utc>,
    ) {
        let mut all = Vec::new();
        let before = std::mem::take(&mut self.open);
        for before in &before {
            let left = (before.from, before.to.min(part.start()));
            let right = (before.from.max(part.end()), before.to);
            for (from, to) in [left, right] {
                if from < to {
                    all.push(OpenRange {
                        from,
                        to,
                        ..before.clone()
                    });
                }
            }
        }
        for (slice, reason) in open {
            let (from, to) = (slice.start().max(part.start()), slice.end().min(part.end()));
            if from < to {
                let before = before.iter().filter(|old| old.from < to && from < old.to);
                // Where something was proven, the time around is wide enough.
                let retries =
                    before.map(|old| old.retries + u32::from(from <= old.from.max(part.start())));
                let retries = retries.max();
                all.push(OpenRange {
                    from,
                    to,
                    tried: now,
                    retries: retries.unwrap_or(0),
                    reason: reason.clone(),
                });
            }
        }
        all.sort_by_key(|open| open.from);
        for next in all {
            match self.open.last_mut().filter(|last| next.from <= last.to) {
                Some(last) => join(last, next),
                None => self.open.push(next),
            }
        }
        while self.open.len() > MAX_OPEN {
            let gaps = self.open.windows(2).map(|pair| pair[1].from - pair[0].to);
            let nearest = gaps.enumerate().min_by_key(|(_, gap)| *gap);
            let next = self.open.remove(nearest.map_or(0, |(place, _)| place) + 1);
            join(&mut self.open[nearest.map_or(0, |(place, _)| place)], next);
        }
        if part.start() <= self.audited_through {
            self.audited_through = self.audited_through.max(part.end());
        }
    }

    /// Forgets the time of which Okta does not keep all events any more, and says what of it was open.
    pub(super) fn expire(&mut self, now: DateTime<Utc>) -> Vec<OpenRange> {
        let kept = now - KEPT;
        let (expired, open) = std::mem::take(&mut self.open)
            .into_iter()
            .partition(|open| open.from < kept);
        self.open = open;
        let mut expired: Vec<_> = expired;
        if self.audited_through < kept {
            expired.push(OpenRange {
                from: self.audited_through,
                to: kept,
                tried: now,
                retries: 0,
                reason: "no round came to it".to_owned(),
            });
            self.audited_through = kept;
        }
        expired
    }

    #[cfg(test)]
    pub(super) fn open(&self) -> &[OpenRange] {
        &self.open
    }
}

fn join(one: &mut OpenRange, other: OpenRange) {
    one.to = one.to.max(other.to);
    one.tried = one.tried.min(other.tried);
    one.retries = one.retries.max(other.retries);
    one.reason = other.reason;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    fn slice(from: i64, to: i64) -> TimeSlice {
        TimeSlice::new(at(from), at(to)).unwrap()
    }

    fn why(from: i64, to: i64) -> (TimeSlice, String) {
        (slice(from, to), "why".to_owned())
    }

    #[test]
    fn new_time_is_audited_in_pieces_of_a_day_at_most() {
        let mut ranges = Ranges::beginning(at(0));
        assert_eq!(ranges.plan(at(0)), []);
        let day = 24 * 60;
        let parts: Vec<_> = ranges.plan(at(2 * day + 7)).into_iter().collect();
        let expected = [
            slice(0, day),
            slice(day, 2 * day),
            slice(2 * day, 2 * day + 7),
        ];
        assert_eq!(parts, expected.map(|part| Asked { range: part, part }));
        ranges.audited(slice(0, day), &[], at(9_999));
        assert_eq!(ranges.verified_through(), at(day));
    }

    #[test]
    fn open_part_holds_back_verified_time_and_grows_with_its_neighbour() {
        let mut ranges = Ranges::beginning(at(0));
        ranges.audited(slice(0, 60), &[why(0, 60)], at(200));
        ranges.audited(slice(60, 120), &[why(60, 90)], at(201));
        assert_eq!(ranges.verified_through(), at(0));
        assert_eq!(ranges.open().len(), 1);
        let again = Asked {
            range: slice(-60, 130),
            part: slice(0, 90),
        };
        assert_eq!(ranges.plan(at(130))[1], again);
        ranges.audited(slice(0, 90), &[why(10, 20)], at(300));
        assert_eq!(ranges.verified_through(), at(10));
        ranges.audited(slice(10, 20), &[], at(400));
        assert_eq!(ranges.verified_through(), at(120));
    }

    #[test]
    fn open_parts_take_turns_and_end_when_okta_forgets_them() {
        let mut ranges = Ranges::beginning(at(0));
        for minute in 0..6 {
            let part = slice(minute * 10, minute * 10 + 10);
            let open = why(minute * 10, minute * 10 + 1);
            ranges.audited(part, &[open], at(100 + minute));
        }
        let parts = |ranges: &Ranges| -> Vec<_> {
            let plan = ranges.plan(at(60)).into_iter();
            plan.map(|asked| asked.part.start()).collect()
        };
        assert_eq!(parts(&ranges), [at(0), at(10), at(20), at(30)]);
        for minute in 0..4 {
            let part = slice(minute * 10, minute * 10 + 1);
            ranges.audited(part, &[(part, "why".into())], at(200));
        }
        assert_eq!(parts(&ranges), [at(40), at(50), at(0), at(10)]);
        let later = at(0) + TimeDelta::days(89) + TimeDelta::minutes(5);
        let expired = ranges.expire(later);
        assert_eq!((expired.len(), ranges.verified_through()), (1, at(10)));
        assert_eq!(ranges.expire(later + TimeDelta::days(9)).len(), 6);
        assert_eq!(ranges.open(), []);
    }

    #[test]
    fn range_that_takes_too_long_is_halved_and_doubled_once_one_is_in_time() {
        let day = 24 * 60;
        let mut ranges = Ranges::beginning(at(0));
        let lengths = |ranges: &Ranges| -> Vec<_> {
            let plan = ranges.plan(at(day)).into_iter();
            let parts = plan.map(|asked| asked.part.end() - asked.part.start());
            parts.map(|length| length.num_hours()).collect()
        };
        ranges.was_late();
        assert_eq!(lengths(&ranges), [12, 12]);
        for _ in 0..9 {
            ranges.was_late();
        }
        assert_eq!(lengths(&ranges), [1; 24]);
        // A shorter one says nothing of a longer one.
        ranges.was_in_time(slice(0, 30));
        assert_eq!(lengths(&ranges), [1; 24]);
        ranges.was_in_time(slice(0, 60));
        assert_eq!(lengths(&ranges), [2; 12]);
        for _ in 0..9 {
            ranges.was_in_time(slice(0, day));
        }
        assert_eq!(lengths(&ranges), [24]);
    }

    #[test]
    fn time_around_an_open_part_grows_with_its_retries() {
        let hour = 60;
        let mut ranges = Ranges::beginning(at(0));
        let part = slice(0, 10);
        ranges.audited(slice(0, 40 * hour), &[why(0, 10)], at(0));
        for hours in [1, 2, 4, 8, 12, 12] {
            let range = slice(-hours * hour, 10 + hours * hour);
            assert_eq!(ranges.plan(at(40 * hour)), [Asked { range, part }]);
            ranges.audited(part, &[why(0, 10)], at(1));
        }
    }

    /// Each minute is open if the last audit that covered it left it open.
    #[test]
    fn open_time_is_what_no_audit_has_verified_since() {
        for seed in 0..500 {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut ranges = Ranges::beginning(at(0));
            let mut model = vec![false; 400];
            let mut through = 0;
            for _ in 0..random.usize(1..40) {
                let start = random.i64(0..300).min(through);
                let end = start + random.i64(1..80);
                let from = random.i64(start..=end);
                let to = random.i64(from..=end);
                let open: Vec<_> = (from < to).then(|| why(from, to)).into_iter().collect();
                ranges.audited(slice(start, end), &open, at(1_000));
                for minute in start..end {
                    model[minute as usize] = (from..to).contains(&minute);
                }
                through = through.max(end);
                let is_open = |minute| {
                    let mut open = ranges.open().iter();
                    open.any(|open| open.from <= at(minute) && at(minute) < open.to)
                };
                for (minute, expected) in (0..).zip(&model) {
                    assert_eq!(is_open(minute), *expected, "seed {seed}, minute {minute}");
                }
                let first = (0..).zip(&model).find(|(_, open)| **open);
                let first = first.map_or(through, |(minute, _)| minute);
                assert_eq!(ranges.verified_through(), at(first), "seed {seed}");
                let mut pairs = ranges.open().windows(2);
                assert!(pairs.all(|pair| pair[0].to < pair[1].from), "seed {seed}");
            }
        }
    }
}
