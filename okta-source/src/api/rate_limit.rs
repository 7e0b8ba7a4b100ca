//! The request budget: the limit in Okta's rate-limit headers, and the share of it that this source uses.

use std::time::Duration;

use http::HeaderMap;
use okta_coralogix_core::internal::exchange::{date, retry_after};
use tokio::time::Instant;

/// The longest wait. Okta's windows take about 60 s: a header that asks for more is wrong.
pub(crate) const MAX_WAIT: Duration = Duration::from_secs(120);

/// The length of a window. (Okta developer docs, "Rate limits", 2026.)
const WINDOW: Duration = Duration::from_secs(60);

/// How far the whole seconds of `Date` and of the reset, and the second on top, may be off together.
const ROUNDING: Duration = Duration::from_secs(2);

/// The rate-limit headers of a response. (Okta developer docs, "Rate limits", 2026.)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RateHeaders {
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    /// The end of the window, seconds since 1970 by the org's clock.
    reset: i64,
    /// From the response's `Date` to the end of the window, plus one second for the fractions that both lack. `None` if it is
    /// invalid.
    pub(crate) wait: Option<Duration>,
}

impl RateHeaders {
    /// `None` if one of the three headers is missing or no number.
    pub(crate) fn read(headers: &HeaderMap) -> Option<Self> {
        let reset = numbers(headers, "x-rate-limit-reset").min()?;
        Some(Self {
            limit: u32::try_from(numbers(headers, "x-rate-limit-limit").next()?).ok()?,
            remaining: u32::try_from(numbers(headers, "x-rate-limit-remaining").next()?).ok()?,
            reset,
            wait: date(headers).and_then(|date| wait_until(reset, date.timestamp())),
        })
    }

    /// True for a limit on concurrent requests, which is independent of the window.
    pub(crate) fn is_concurrency(&self) -> bool {
        self.limit == 0 && self.remaining == 0
    }
}

/// The wait that a 429 asks for; `None` if its headers are missing or invalid.
pub(crate) fn asked_wait(headers: &HeaderMap) -> Option<Duration> {
    if let Some(wait) = retry_after(headers) {
        return Some(wait.min(MAX_WAIT));
    }
    RateHeaders::read(headers)
        .filter(|rate| !rate.is_concurrency())
        .and_then(|rate| rate.wait)
}

fn numbers<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = i64> + use<'a> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok()?.trim().parse().ok())
}

fn wait_until(reset: i64, date: i64) -> Option<Duration> {
    let seconds = u64::try_from(reset.checked_sub(date)?).ok()?;
    Some(Duration::from_secs(seconds.saturating_add(1)).min(MAX_WAIT))
}

/// Keeps our own requests within a share of the org's limit, window by window.
#[derive(Debug)]
pub(crate) struct RateBudget {
    /// 0 to 1.
    share: f64,
    window: Option<Window>,
    /// Requests since the last response with rate headers: their window is not known yet.
    unplaced: u32,
    blocked_until: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    reset: i64,
    ends: Instant,
    /// The limit that the org states.
    limit: u32,
    sent: u32,
}

impl Window {
    /// A later `reset` alone does not end the window: an org with a sliding window would otherwise be asked without limit.
    fn is_over(&self, now: Instant, reset: i64) -> bool {
        now >= self.ends || (reset > self.reset && now + ROUNDING >= self.ends)
    }
}

impl RateBudget {
    pub(crate) fn new(share: f64) -> Self {
        Self {
            share,
            window: None,
            unplaced: 0,
            blocked_until: None,
        }
    }

    /// The earliest moment for the next request; `None`: now.
    pub(crate) fn ready_at(&self, now: Instant) -> Option<Instant> {
        let spent = self
            .window
            .filter(|window| self.left_of(window) == 0)
            .map(|window| window.ends);
        spent.max(self.blocked_until).filter(|ready| *ready > now)
    }

    /// How many requests may still be made in this window, where it is known.
    pub(crate) fn left(&self) -> Option<u32> {
        self.window.as_ref().map(|window| self.left_of(window))
    }

    fn left_of(&self, window: &Window) -> u32 {
        let sent = window.sent.saturating_add(self.unplaced);
        self.allowed(window.limit).saturating_sub(sent)
    }

    /// How long so many requests must last if they may take no more than `part` of our share; `None`: the limit is not known.
    pub(crate) fn spacing(&self, requests: u32, part: f64) -> Option<Duration> {
        let window = self.window.as_ref()?;
        let allowed = f64::from(self.allowed(window.limit)) * part;
        Duration::try_from_secs_f64(WINDOW.as_secs_f64() * f64::from(requests) / allowed).ok()
    }

    /// Takes another share of the limit from now on, of this window too.
    pub(crate) fn set_share(&mut self, share: f64) {
        self.share = share;
    }

    /// A request goes out now.
    pub(crate) fn sent(&mut self, now: Instant) {
        if self.window.is_some_and(|window| window.ends <= now) {
            self.window = None;
            self.unplaced = 0;
        }
        self.unplaced = self.unplaced.saturating_add(1);
    }

    /// A response came, now.
    pub(crate) fn observe(&mut self, now: Instant, headers: &HeaderMap) {
        let Some(rate) = RateHeaders::read(headers).filter(|rate| !rate.is_concurrency()) else {
            return;
        };
        let Some(wait) = rate.wait else { return };
        match &mut self.window {
            Some(window) if !window.is_over(now, rate.reset) => {
                window.limit = rate.limit;
                window.sent = window.sent.saturating_add(self.unplaced);
            }
            window => {
                *window = Some(Window {
                    reset: rate.reset,
                    ends: now + wait,
                    limit: rate.limit,
                    sent: self.unplaced,
                });
            }
        }
        self.unplaced = 0;
        if rate.remaining == 0 {
            self.block(now, wait);
        }
    }

    /// No request for so long.
    pub(crate) fn block(&mut self, now: Instant, wait: Duration) {
        self.blocked_until = Some(now + wait.min(MAX_WAIT));
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the share is between 0 and 1, so that the product fits"
    )]
    fn allowed(&self, limit: u32) -> u32 {
        ((f64::from(limit) * self.share) as u32).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "Sun, 22 Nov 2026 10:00:00 GMT";
    const AT: i64 = 1_795_341_600;

    fn headers(limit: &str, remaining: &str, reset: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("x-rate-limit-limit", limit.parse().unwrap());
        headers.insert("x-rate-limit-remaining", remaining.parse().unwrap());
        headers.insert("x-rate-limit-reset", reset.parse().unwrap());
        headers.insert("date", DATE.parse().unwrap());
        headers
    }

    fn reset_in(limit: u32, remaining: u32, seconds: i64) -> HeaderMap {
        headers(
            &limit.to_string(),
            &remaining.to_string(),
            &(AT + seconds).to_string(),
        )
    }

    #[test]
    fn rate_limit_wait_uses_the_response_date_and_is_clamped() {
        let seconds = |headers: &HeaderMap| asked_wait(headers).map(|wait| wait.as_secs());
        assert_eq!(seconds(&reset_in(120, 0, 30)), Some(31));
        assert_eq!(seconds(&reset_in(120, 0, 0)), Some(1));
        assert_eq!(seconds(&reset_in(120, 0, 119)), Some(120));
        assert_eq!(
            seconds(&reset_in(120, 0, 5_000_000)),
            Some(120),
            "absurdly far"
        );
        assert_eq!(seconds(&reset_in(120, 0, -1)), None, "in the past");
        assert_eq!(seconds(&reset_in(0, 0, 30)), None, "concurrency");
        assert_eq!(seconds(&headers("many", "0", "1")), None);
        assert_eq!(seconds(&headers("120", "-1", "1795341630")), None);
        assert_eq!(
            seconds(&headers("120", "0", "9223372036854775807")),
            Some(120)
        );
        let mut undated = reset_in(120, 0, 30);
        undated.remove("date");
        assert_eq!(seconds(&undated), None);
        assert_eq!(seconds(&HeaderMap::new()), None);
        let mut asked = reset_in(120, 0, 30);
        asked.insert("retry-after", "7".parse().unwrap());
        assert_eq!(seconds(&asked), Some(7), "Retry-After goes first");
    }

    /// How many requests go out at once, if each is answered at once.
    fn burst(budget: &mut RateBudget, now: Instant, limit: u32, reset: i64) -> u32 {
        let mut sent = 0;
        while budget.ready_at(now).is_none() && sent < 1_000 {
            budget.sent(now);
            budget.observe(now, &reset_in(limit, 900, reset));
            sent += 1;
        }
        sent
    }

    #[test]
    fn rate_budget_stays_within_its_share_of_each_window() {
        for (share, limit, allowed) in [
            (0.5, 120, 60),
            (0.5, 50, 25),
            (1.0, 20, 20),
            (0.5, 2, 1),
            (0.1, 2, 1),
            (0.5, 1, 1),
        ] {
            let mut budget = RateBudget::new(share);
            let start = Instant::now();
            assert_eq!(
                burst(&mut budget, start, limit, 59),
                allowed,
                "{share} of {limit}"
            );
            let next = start + Duration::from_secs(60);
            assert_eq!(budget.ready_at(start), Some(next));
            assert_eq!(budget.ready_at(next), None);
            assert_eq!(
                burst(&mut budget, next, limit, 119),
                allowed,
                "the next window"
            );
        }
    }

    #[test]
    fn part_of_the_rate_share_spaces_requests() {
        for (share, limit, requests, seconds) in [
            (0.5, 120, 3, 60),
            (0.5, 20, 3, 360),
            (0.5, 20, 1, 120),
            (0.5, 1, 3, 3_600),
        ] {
            let mut budget = RateBudget::new(share);
            let now = Instant::now();
            assert_eq!(budget.spacing(requests, 0.05), None, "not known yet");
            budget.sent(now);
            budget.observe(now, &reset_in(limit, limit, 59));
            let spacing = budget.spacing(requests, 0.05).unwrap();
            assert_eq!(
                spacing.as_secs_f64().round(),
                f64::from(seconds),
                "{share} of {limit}"
            );
        }
    }

    #[test]
    fn rate_budget_holds_in_a_sliding_window() {
        let mut budget = RateBudget::new(0.5);
        let start = Instant::now();
        let sent = (0..50)
            .filter(|second| {
                let now = start + Duration::from_secs(*second);
                let ready = budget.ready_at(now).is_none();
                if ready {
                    budget.sent(now);
                    budget.observe(
                        now,
                        &reset_in(20, 900, 60 + i64::try_from(*second).unwrap()),
                    );
                }
                ready
            })
            .count();
        assert_eq!(sent, 10);
    }

    #[test]
    fn rate_budget_counts_unanswered_requests() {
        let mut budget = RateBudget::new(0.5);
        let now = Instant::now();
        budget.sent(now);
        budget.observe(now, &reset_in(10, 9, 59));
        for _ in 0..4 {
            assert_eq!(budget.ready_at(now), None);
            budget.sent(now);
        }
        assert!(budget.ready_at(now).is_some());
    }

    #[test]
    fn rate_limit_remaining_zero_is_waited_out() {
        let mut budget = RateBudget::new(0.5);
        let now = Instant::now();
        budget.sent(now);
        budget.observe(now, &reset_in(120, 0, 9));
        assert_eq!(budget.ready_at(now), Some(now + Duration::from_secs(10)));
    }

    #[test]
    fn concurrency_429_leaves_the_rate_window_unchanged() {
        let mut budget = RateBudget::new(0.5);
        let now = Instant::now();
        budget.sent(now);
        budget.observe(now, &reset_in(0, 0, 59));
        assert_eq!(budget.ready_at(now), None);
    }
}
