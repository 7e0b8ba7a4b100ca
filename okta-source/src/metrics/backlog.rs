//! A backlog near the age limit: its read rate, and the events expected to expire.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use okta_coralogix_core::filter::AgeFilter;
use okta_coralogix_core::observe::BacklogForecast;
use tokio::time::Instant;

use crate::poll::page::Page;

/// The time over which the read rate is measured.
const RATE_WINDOW: Duration = Duration::from_secs(300);
/// The least time between two reports.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);

/// Follows a backlog page by page.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    /// From which age on more of the budget is used.
    from: TimeDelta,
    samples: VecDeque<Sample>,
    events: u64,
    too_old: u64,
    reported: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Instant,
    published: DateTime<Utc>,
    /// Read before.
    events: u64,
}

/// A backlog near the age limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AgingBacklog {
    pub(crate) age: Duration,
    pub(crate) too_old: u64,
    pub(crate) forecast: BacklogForecast,
    /// It was not reported for a while.
    pub(crate) is_news: bool,
}

impl Backlog {
    pub(crate) fn new(from: Duration) -> Self {
        Self {
            from: TimeDelta::from_std(from).unwrap_or(TimeDelta::MAX),
            ..Self::default()
        }
    }

    /// A page was read behind which there is more; `now` is the clock by which ages are judged.
    pub(crate) fn page(
        &mut self,
        at: Instant,
        now: DateTime<Utc>,
        page: &Page,
    ) -> Option<AgingBacklog> {
        let mut published: Vec<_> = page.published().collect();
        // The median: a few late events, or events of the future, do not count.
        let middle = published.len() / 2;
        let (_, &mut front, _) = published
            .get(middle)
            .is_some()
            .then(|| published.select_nth_unstable(middle))?;
        let limit = TimeDelta::from_std(AgeFilter::DEFAULT_LIMIT).unwrap_or(TimeDelta::MAX);
        let age = now.signed_duration_since(front);
        self.events += published.len() as u64;
        self.samples.push_back(Sample {
            at,
            published: front,
            events: self.events,
        });
        while self.samples.len() > 2 && at - self.samples[1].at >= RATE_WINDOW {
            self.samples.pop_front();
        }
        if age < self.from {
            return None;
        }
        let is_old = |published: &&DateTime<Utc>| now.signed_duration_since(**published) > limit;
        self.too_old += published.iter().filter(is_old).count() as u64;
        let is_news = self
            .reported
            .is_none_or(|reported| at - reported >= REPORT_INTERVAL);
        if is_news {
            self.reported = Some(at);
        }
        Some(AgingBacklog {
            age: age.to_std().unwrap_or_default(),
            too_old: self.too_old,
            forecast: self.forecast(age, limit),
            is_news,
        })
    }

    /// There is no backlog any more.
    pub(crate) fn caught_up(&mut self) {
        *self = Self {
            from: self.from,
            ..Self::default()
        };
    }

    fn forecast(&self, age: TimeDelta, limit: TimeDelta) -> BacklogForecast {
        let (Some(first), Some(last)) = (self.samples.front(), self.samples.back()) else {
            return BacklogForecast::Unknown;
        };
        let took = (last.at - first.at).as_secs_f64();
        if took <= 0.0 {
            return BacklogForecast::Unknown;
        }
        // Seconds of the log that are read in a second. The end of the log moves by one meanwhile.
        let rate = seconds(last.published - first.published) / took;
        let over = seconds(age - limit);
        match (rate > 1.0, over > 0.0) {
            (true, false) => BacklogForecast::Shrinking { too_old: 0 },
            (true, true) => {
                let events = (last.events - first.events) as f64 / took;
                BacklogForecast::Shrinking {
                    too_old: whole(events * over / (rate - 1.0)),
                }
            }
            (false, true) => BacklogForecast::Growing {
                within: Duration::ZERO,
            },
            (false, false) => BacklogForecast::Growing {
                within: Duration::from_secs(whole(-over / (1.0 - rate).max(f64::EPSILON))),
            },
        }
    }
}

fn seconds(time: TimeDelta) -> f64 {
    time.num_milliseconds() as f64 / 1000.0
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate, which saturates"
)]
fn whole(estimate: f64) -> u64 {
    estimate as u64
}
