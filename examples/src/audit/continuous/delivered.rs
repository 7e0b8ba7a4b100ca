//! Through which time an org's events were delivered, and since when: what is still on its way must not look missing.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use okta_coralogix_core::observe::{Observer, PipelineContext, PipelineEvent};
use tokio::time::Instant;

/// Samples within a delay, about: time between two of them is a fraction of the delay.
const SAMPLES: u32 = 60;

/// Notes through which time a pipeline has delivered. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct DeliveredLog(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    delay: Duration,
    samples: Mutex<Samples>,
}

#[derive(Debug, Default)]
struct Samples {
    /// The time of the first of them.
    first: Option<DateTime<Utc>>,
    kept: VecDeque<Sample>,
}

/// At this time every event that was published before `through` was settled.
#[derive(Debug, Clone, Copy)]
struct Sample {
    /// Of the monotonic clock: a wall clock that is set makes nothing older.
    at: Instant,
    through: DateTime<Utc>,
}

impl DeliveredLog {
    pub(crate) fn new(delay: Duration) -> Self {
        Self(Arc::new(Inner {
            delay,
            samples: Mutex::default(),
        }))
    }

    /// What was delivered the delay ago or earlier. `None`: it has not run for so long.
    pub(super) fn settled_through(&self) -> Option<DateTime<Utc>> {
        let samples = self.samples();
        let mut old = samples.kept.iter().rev();
        old.find(|sample| sample.at.elapsed() >= self.0.delay)
            .map(|sample| sample.through)
    }

    /// Where this run has begun to deliver: what is older was never to be delivered, or was by another run. `None`: nothing is known yet.
    pub(super) fn begun(&self) -> Option<DateTime<Utc>> {
        self.samples().first
    }

    pub(super) fn note(&self, through: DateTime<Utc>) {
        let delay = self.0.delay;
        let at = Instant::now();
        let mut samples = self.samples();
        samples.first.get_or_insert(through);
        let kept = &mut samples.kept;
        if kept
            .back()
            .is_some_and(|last| at - last.at < delay / SAMPLES)
        {
            return;
        }
        kept.push_back(Sample { at, through });
        // One that is older than the delay is enough.
        while kept.get(1).is_some_and(|next| at - next.at >= delay) {
            kept.pop_front();
        }
    }

    /// Nothing that runs under this lock panics.
    fn samples(&self) -> std::sync::MutexGuard<'_, Samples> {
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
    use chrono::TimeDelta;
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn delivery_counts_once_it_is_the_delay_ago() {
        let start: DateTime<Utc> = "2026-11-30T12:00:00Z".parse().unwrap();
        let log = DeliveredLog::new(Duration::from_secs(3600));
        assert_eq!(log.settled_through(), None);
        for minute in 0..300 {
            log.note(start + TimeDelta::minutes(minute));
            let expected = (minute >= 60).then(|| start + TimeDelta::minutes(minute - 60));
            assert_eq!(log.settled_through(), expected);
            assert!(log.samples().kept.len() <= 62);
            advance(Duration::from_secs(60)).await;
        }
        assert_eq!(log.begun(), Some(start));
        // It stands still while nothing is delivered.
        advance(Duration::from_secs(36_000)).await;
        assert_eq!(log.settled_through(), Some(start + TimeDelta::minutes(299)));
    }
}
