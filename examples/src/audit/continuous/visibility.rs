//! How long a log takes from its acceptance until a query finds it, measured: a refill that does not know it may send what is on its way.
//!
//! Each hour up to [`SAMPLES`] events are noted as Coralogix accepts them, and looked up at growing times. A sample counts with the time of
//! the first look that finds it, which is later than it became visible: the measure errs on the safe side. A look without proof says
//! nothing. One that no look finds counts as *later*.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use coralogix_sink::query::{Answer, EventId, Lookup, TimeSlice};
use okta_coralogix_core::observe::{Observer, PipelineContext, PipelineEvent};
use okta_coralogix_core::pipeline::Disposition;
use okta_coralogix_core::{Clock, Result};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep, sleep_until};

use super::auditor::{Connect, connected};

/// When samples are looked up, in minutes after the last of them was accepted: 2 queries each, until all are found.
const LOOKS: [u64; 6] = [1, 5, 15, 30, 60, 120];

/// The bounds of the histogram, in minutes: samples are noted for a minute, and taken a minute later at most.
const BOUNDS: [i64; 6] = [4, 8, 18, 33, 63, 123];

/// Events of a measurement.
const SAMPLES: usize = 20;

/// From measurement to measurement.
const EVERY: Duration = Duration::from_secs(3600);

/// Accepted events are noted for this long.
const NOTED_FOR: TimeDelta = TimeDelta::minutes(1);

/// Before this much clean time, and so many samples, nothing is known.
const CLEAN: TimeDelta = TimeDelta::hours(24);
const ENOUGH: u64 = 100;

/// What was measured.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Visibility {
    /// Samples by the bound that they were found within; the last: later.
    within: [u64; BOUNDS.len() + 1],
    /// Time of which rounds have found every event.
    clean_seconds: i64,
}

impl Visibility {
    /// A sample was found so long after its acceptance, or not at all.
    fn add(&mut self, delay: Option<TimeDelta>) {
        let place = delay.map_or(BOUNDS.len(), |delay| {
            BOUNDS.partition_point(|bound| TimeDelta::minutes(*bound) < delay)
        });
        self.within[place] += 1;
        // What was measured long ago counts for less and less.
        if self.samples() > FRESH {
            for count in &mut self.within {
                *count /= 2;
            }
        }
    }

    /// What was measured before.
    pub(super) fn add_all(&mut self, before: &Self) {
        for (count, more) in self.within.iter_mut().zip(before.within) {
            *count += more;
        }
        self.clean_seconds += before.clean_seconds;
    }

    /// A round has found every event of a range of this length.
    pub(super) fn clean(&mut self, length: TimeDelta) {
        self.clean_seconds = self.clean_seconds.saturating_add(length.num_seconds());
    }

    fn samples(&self) -> u64 {
        self.within.iter().sum()
    }

    /// 99 of 100 samples were found within this time. `None`: there is none, or they were not found in time.
    pub(super) fn p99(&self) -> Option<TimeDelta> {
        let needed = (self.samples() * 99).div_ceil(100).max(1);
        let mut found = 0;
        let bound = BOUNDS.iter().zip(&self.within).find(|(_, count)| {
            found += **count;
            found >= needed
        });
        bound.map(|(bound, _)| TimeDelta::minutes(*bound))
    }

    /// Whether what an audit does not find the delay after may be sent again.
    ///
    /// # Errors
    /// Why not, in words.
    pub(super) fn allows(&self, delay: TimeDelta) -> Result<(), String> {
        let clean = TimeDelta::seconds(self.clean_seconds);
        if clean < CLEAN || self.samples() < ENOUGH {
            return Err(format!(
                "the time until a log is found is not measured yet: {} of 24 hours without a loss, {} of {ENOUGH} samples",
                clean.num_hours().min(24),
                self.samples()
            ));
        }
        match self.p99() {
            Some(p99) if p99 * 2 <= delay => Ok(()),
            Some(p99) => Err(format!(
                "a log takes up to {} minutes until it is found (99 of 100); --audit-delay must be twice that at least",
                p99.num_minutes()
            )),
            None => Err(format!(
                "more than one log of 100 was not found within {} minutes",
                BOUNDS[BOUNDS.len() - 1]
            )),
        }
    }
}

/// Samples that are kept, about: those of two days.
const FRESH: u64 = 2_000;

/// An event that Coralogix has accepted.
#[derive(Debug, Clone)]
struct Sample {
    id: EventId,
    published: DateTime<Utc>,
    accepted: DateTime<Utc>,
}

/// Notes accepted events when it is asked to. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Sampler(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Arc<dyn Clock>,
    /// `None`: nothing is noted.
    noted: Mutex<Option<VecDeque<Sample>>>,
}

impl Sampler {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            clock,
            noted: Mutex::default(),
        }))
    }

    fn begin(&self) {
        *self.noted() = Some(VecDeque::new());
    }

    /// The samples, once a minute has passed since the first of them, or there are enough.
    fn take(&self) -> Option<Vec<Sample>> {
        let mut noted = self.noted();
        let samples = noted.as_ref()?;
        let since = self.0.clock.now() - samples.front()?.accepted;
        let is_full = samples.len() >= SAMPLES || since >= NOTED_FOR;
        if !is_full {
            return None;
        }
        noted.take().map(Vec::from)
    }

    /// Nothing that runs under this lock panics.
    fn noted(&self) -> MutexGuard<'_, Option<VecDeque<Sample>>> {
        self.0.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Sampler {
    fn observe(&self, _: &PipelineContext<'_>, event: &PipelineEvent<'_>) {
        let PipelineEvent::Ended {
            disposition: Disposition::Delivered,
            event: Some(event),
        } = event
        else {
            return;
        };
        let mut noted = self.noted();
        let Some(samples) = noted.as_mut().filter(|samples| samples.len() < SAMPLES) else {
            return;
        };
        let accepted = self.0.clock.now();
        let is_late = samples
            .front()
            .is_some_and(|first| accepted - first.accepted >= NOTED_FOR);
        if let Some(uuid) = event.uuid().filter(|_| !is_late) {
            samples.push_back(Sample {
                id: EventId::new(&uuid),
                published: event.published(),
                accepted,
            });
        }
    }
}

/// Measures for as long as it is polled.
pub(super) async fn measure(sampler: Sampler, measured: Arc<Mutex<Visibility>>, connect: Connect) {
    loop {
        let began = Instant::now();
        sampler.begin();
        let samples = loop {
            sleep(NOTED_FOR.to_std().unwrap_or_default()).await;
            if let Some(samples) = sampler.take() {
                break samples;
            }
        };
        let found = look(&sampler, samples, &connect).await;
        {
            let mut measured = measured.lock().unwrap_or_else(PoisonError::into_inner);
            found.into_iter().for_each(|delay| measured.add(delay));
        }
        sleep_until(began + EVERY).await;
    }
}

/// How long each of the samples took; those are left out of which nothing is proven.
async fn look(
    sampler: &Sampler,
    mut samples: Vec<Sample>,
    connect: &Connect,
) -> Vec<Option<TimeDelta>> {
    let began = Instant::now();
    let mut found = Vec::new();
    let mut is_proven = false;
    for minutes in LOOKS {
        sleep_until(began + Duration::from_secs(minutes * 60)).await;
        let counted = async {
            let sides = connected(connect).await?;
            let ids: Vec<_> = samples.iter().map(|sample| sample.id.clone()).collect();
            let first = samples.iter().map(|sample| sample.published).min();
            let now = sampler.0.clock.now();
            let start = first.unwrap_or(now).min(now) - TimeDelta::hours(1);
            let range = TimeSlice::new(start, now + TimeDelta::minutes(5))?;
            sides
                .client
                .lookup(&sides.filter, &Lookup::new(range, &ids))
                .await
        };
        is_proven = match counted.await {
            Ok(Answer::Proven(counts)) => {
                let now = sampler.0.clock.now();
                samples.retain(|sample| {
                    let is_found = counts.get(&sample.id) > 0;
                    if is_found {
                        found.push(Some(now - sample.accepted));
                    }
                    !is_found
                });
                true
            }
            Ok(Answer::Unproven(_)) => false,
            Err(error) => {
                tracing::debug!("the time until logs are found was not measured: {error}");
                false
            }
        };
        if samples.is_empty() {
            return found;
        }
    }
    if is_proven {
        found.extend(samples.iter().map(|_| None));
    }
    found
}

#[cfg(test)]
impl Visibility {
    /// Enough samples, each found within two minutes.
    pub(super) fn of_a_clean_day() -> Self {
        let mut measured = Self::default();
        measured.clean(CLEAN);
        for _ in 0..200 {
            measured.add(Some(TimeDelta::minutes(1)));
        }
        measured
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refill_is_allowed_by_enough_samples_of_a_clean_day_only() {
        let delay = TimeDelta::hours(2);
        let mut measured = Visibility::default();
        let why = |measured: &Visibility| measured.allows(delay).unwrap_err();
        assert!(why(&measured).contains("0 of 24 hours"));
        measured.clean(TimeDelta::hours(24));
        assert!(why(&measured).contains("0 of 100 samples"));
        for _ in 0..990 {
            measured.add(Some(TimeDelta::seconds(70)));
        }
        assert_eq!(measured.allows(delay), Ok(()));
        assert_eq!(measured.p99(), Some(TimeDelta::minutes(4)));
        assert!(measured.allows(TimeDelta::minutes(7)).is_err());
        for _ in 0..10 {
            measured.add(None);
        }
        assert_eq!(measured.allows(delay), Ok(()));
        measured.add(Some(TimeDelta::minutes(100)));
        assert!(
            why(&measured).contains("up to 123 minutes"),
            "{}",
            why(&measured)
        );
        measured.add(None);
        measured.add(None);
        assert!(
            why(&measured).contains("not found within"),
            "{}",
            why(&measured)
        );
    }
}
