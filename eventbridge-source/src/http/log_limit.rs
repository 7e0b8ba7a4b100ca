//! A line of the log that would be repeated for each connection.

use std::time::Duration;

use tokio::time::Instant;

const INTERVAL: Duration = Duration::from_secs(30);

/// Admits the first line, and then one each 30 seconds.
#[derive(Debug, Default)]
pub(super) struct LogLimit {
    last: Option<Instant>,
    suppressed: u64,
}

impl LogLimit {
    /// If a line is to be written: how many were not since the last.
    pub(super) fn admit(&mut self, now: Instant) -> Option<u64> {
        if self.last.is_some_and(|last| now < last + INTERVAL) {
            self.suppressed += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_limit_admits_one_line_in_30_seconds_and_counts_the_rest() {
        let start = Instant::now();
        let mut limit = LogLimit::default();
        let admitted = (0..=60).filter_map(|second| {
            let line = limit.admit(start + Duration::from_secs(second))?;
            Some((second, line))
        });
        assert!(admitted.eq([(0, 0), (30, 29), (60, 29)]));
    }
}
