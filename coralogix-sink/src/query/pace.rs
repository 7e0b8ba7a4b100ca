//! How often queries are sent: one at a time, and so many in any minute.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, sleep_until};

/// Longer than the minute by which Coralogix counts, since its clock sees the queries at other distances than they were sent.
const WINDOW: Duration = Duration::from_secs(61);

/// Lets one query run at a time, and at most so many begin in any minute.
#[derive(Debug)]
pub(super) struct Pace {
    per_minute: usize,
    /// When the latest queries began, oldest first.
    starts: Mutex<VecDeque<Instant>>,
}

/// One query may run while it is held.
#[derive(Debug)]
pub(super) struct Turn<'a>(
    #[expect(dead_code, reason = "it is held for the time of a query")]
    MutexGuard<'a, VecDeque<Instant>>,
);

impl Pace {
    pub(super) fn new(per_minute: u32) -> Self {
        Self {
            per_minute: per_minute.max(1) as usize,
            starts: Mutex::default(),
        }
    }

    /// The wait after a refusal without `Retry-After`: twice the distance of queries.
    pub(super) fn wait_when_limited(&self) -> Duration {
        Duration::from_secs(60) * 2 / u32::try_from(self.per_minute).unwrap_or(u32::MAX)
    }

    /// Waits until the next query may begin. A caller that stops waiting takes nothing.
    pub(super) async fn turn(&self) -> Turn<'_> {
        let mut starts = self.starts.lock().await;
        if let Some(oldest) = starts
            .front()
            .copied()
            .filter(|_| starts.len() >= self.per_minute)
        {
            sleep_until(oldest + WINDOW).await;
            starts.pop_front();
        }
        starts.push_back(Instant::now());
        Turn(starts)
    }
}
