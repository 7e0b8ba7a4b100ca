//! Through which time an org's events were delivered, and since when: what is still on its way must not look missing.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use okta_coralogix_core::Clock;
use okta_coralogix_core::observe::{Observer, PipelineContext, PipelineEvent};

/// Samples within a delay, about: time between two of them is a fraction of the delay.
const SAMPLES: u32 = 60;

/// Notes through which time a pipeline has delivered. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct DeliveredLog(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Arc<dyn Clock>,
    delay: TimeDelta,
    samples: Mutex<VecDeque<Sample>>,
}

/// At this time every event that was published before `through` was settled.
#[derive(Debug, Clone, Copy)]
struct Sample {
    at: DateTime<Utc>,
    through: DateTime<Utc>,
}

impl DeliveredLog {
    pub(crate) fn new(clock: Arc<dyn Clock>, delay: Duration) -> Self {
        Self(Arc::new(Inner {
            clock,
            delay: TimeDelta::from_std(delay).unwrap_or(TimeDelta::MAX),
            samples: Mutex::default(),
        }))
    }

    /// What was delivered the delay ago or earlier. `None`: it has not run for so long.
    pub(super) fn settled_through(&self) -> Option<DateTime<Utc>> {
        let Inner { clock, delay, .. } = &*self.0;
        let now = clock.now();
        let samples = self.samples();
        let mut old = samples
            .iter()
            .rev()
            .filter(|sample| now.signed_duration_since(sample.at) >= *delay);
        old.next().map(|sample| sample.through)
    }

    fn note(&self, through: DateTime<Utc>) {
        let Inner { clock, delay, .. } = &*self.0;
        let at = clock.now();
        let mut samples = self.samples();
        let step = *delay / i32::try_from(SAMPLES).unwrap_or(i32::MAX);
        if samples.back().is_some_and(|last| at - last.at < step) {
            return;
        }
        samples.push_back(Sample { at, through });
        // One that is older than the delay is enough.
        while samples.get(1).is_some_and(|next| at - next.at >= *delay) {
            samples.pop_front();
        }
    }

    /// Nothing that runs under this lock panics.
    fn samples(&self) -> std::sync::MutexGuard<'_, VecDeque<Sample>> {
        self.0
            .samples
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for DeliveredLog {
    fn observe(&self, _: &PipelineContext<'_>, event: &PipelineEvent<'_>) {
        if let PipelineEvent::DeliveredThrough { time } = event {
            self.note(*time);
        }
    }
}

#[cfg(test)]
mod tests {
    use okta_coralogix_core::testing::TestClock;
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn delivery_counts_once_it_is_the_delay_ago() {
        let start = "2026-11-30T12:00:00Z".parse().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(TestClock::starting_at(start));
        let log = DeliveredLog::new(Arc::clone(&clock), Duration::from_secs(3600));
        assert_eq!(log.settled_through(), None);
        for minute in 0..300 {
            log.note(start + TimeDelta::minutes(minute));
            let expected = (minute >= 60).then(|| start + TimeDelta::minutes(minute - 60));
            assert_eq!(log.settled_through(), expected);
            assert!(log.samples().len() <= 62);
            advance(Duration::from_secs(60)).await;
        }
        // It stands still while nothing is delivered.
        advance(Duration::from_secs(36_000)).await;
        assert_eq!(log.settled_through(), Some(start + TimeDelta::minutes(299)));
    }
}
