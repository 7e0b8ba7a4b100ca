//! What is logged of many events in one line, by pipeline.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::throttle::{Episode, EpisodeLine, Throttle};

/// The lines that are gathered of each pipeline, by its name, until it stops.
#[derive(Debug, Default)]
pub(super) struct GatheredLines {
    pipelines: Mutex<HashMap<String, Gathered>>,
    /// True if a line of any of them may be due.
    any: AtomicBool,
}

/// What is not logged event by event.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) too_old: Episode,
    pub(super) healed: Episode,
    pub(super) unverified: Episode,
    pub(super) dead_letters: Throttle,
    pub(super) refused: Throttle,
    pub(super) log_streams: Throttle,
}

/// The lines that are due of what was gathered.
struct Due {
    too_old: Option<EpisodeLine>,
    healed: Option<EpisodeLine>,
    unverified: Option<EpisodeLine>,
    dead_letters: Option<u64>,
    refused: Option<u64>,
    log_streams: Option<u64>,
}

impl Gathered {
    fn is_open(&self) -> bool {
        let throttles = [&self.dead_letters, &self.refused, &self.log_streams];
        let episodes = [&self.too_old, &self.healed, &self.unverified];
        episodes.into_iter().any(Episode::is_open) || throttles.into_iter().any(Throttle::has_rest)
    }

    /// `ends`: there will be no more.
    fn due(&mut self, ends: bool) -> Due {
        Due {
            too_old: self.too_old.line(ends),
            healed: self.healed.line(ends),
            unverified: self.unverified.line(ends),
            dead_letters: self.dead_letters.rest(ends),
            refused: self.refused.rest(ends),
            log_streams: self.log_streams.rest(ends),
        }
    }
}

impl GatheredLines {
    /// Adds to what is gathered of a pipeline.
    pub(super) fn gather<T>(&self, pipeline: &str, act: impl FnOnce(&mut Gathered) -> T) -> T {
        let mut all = self.lock();
        let known = all.contains_key(pipeline);
        if !known {
            all.insert(pipeline.to_owned(), Gathered::default());
        }
        let acted = all.get_mut(pipeline).map(act);
        self.note_open(&all);
        acted.expect("it was inserted")
    }

    /// Writes the lines of a pipeline that are due.
    pub(super) fn flush(&self, pipeline: &str) {
        if self.any.load(Ordering::Relaxed) {
            write(&self.gather(pipeline, |gathered| gathered.due(false)));
        }
    }

    /// Writes what is left of a pipeline that has stopped, and forgets it: others may follow, of other names.
    pub(super) fn forget(&self, pipeline: &str) {
        let mut all = self.lock();
        let stopped = all.remove(pipeline);
        self.note_open(&all);
        drop(all);
        if let Some(mut gathered) = stopped {
            write(&gathered.due(true));
        }
    }

    fn note_open(&self, all: &HashMap<String, Gathered>) {
        let any = all.values().any(Gathered::is_open);
        self.any.store(any, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Gathered>> {
        let pipelines = &self.pipelines;
        pipelines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write(due: &Due) {
    if let Some(line) = due.too_old {
        let (events, first, last) = (line.events, line.first, line.last);
        match line.is_end {
            false => tracing::warn!(
                events,
                first_published = %first,
                last_published = %last,
                "events are too old, by the age rule, and are dropped"
            ),
            true => tracing::warn!(
                events,
                first_published = %first,
                last_published = %last,
                "events were too old, and were dropped: this many in all"
            ),
        }
    }
    if let Some(line) = due.healed {
        let (events, first, last) = (line.events, line.first, line.last);
        match line.is_end {
            false => tracing::warn!(
                events,
                first_published = %first,
                last_published = %last,
                "the other route has not brought these events: they were healed, which means delivered by this one. See whether its log stream \
                 is active, and its rule passes all events"
            ),
            true => tracing::info!(
                events,
                first_published = %first,
                last_published = %last,
                "events were healed: this many in all"
            ),
        }
    }
    if let Some(line) = due.unverified {
        let (events, first, last) = (line.events, line.first, line.last);
        tracing::warn!(
            events,
            first_published = %first,
            last_published = %last,
            "healed events may have arrived twice: the window does not know any more what the other route had delivered of this time, since it \
             is too small, or was not saved before a crash"
        );
    }
    if let Some(events) = due.dead_letters {
        tracing::warn!(events, "more events were dead-lettered");
    }
    if let Some(requests) = due.refused {
        tracing::warn!(requests, "more requests were refused");
    }
    if let Some(changes) = due.log_streams {
        tracing::warn!(changes, "Okta's log streams were changed more often");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pipeline_that_has_stopped_is_forgotten() {
        let lines = GatheredLines::default();
        for pipeline in ["a", "b"] {
            // More than are logged at once, so that a line is due at the end.
            for _ in 0..12 {
                lines.gather(pipeline, |gathered| gathered.refused.admit());
            }
            assert!(lines.lock().contains_key(pipeline));
            assert!(lines.any.load(Ordering::Relaxed));
            lines.forget(pipeline);
            assert!(lines.lock().is_empty());
            assert!(!lines.any.load(Ordering::Relaxed));
        }
    }
}
