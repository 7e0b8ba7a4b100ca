//! The builder of a pipeline.

use std::sync::Arc;
use std::time::Duration;

use super::Pipeline;
use super::parts::{Limits, Parts};
use crate::backoff::BackoffPolicy;
use crate::dead_letter::{DeadLetters, NoDeadLetters};
use crate::filter::{AgeFilter, DedupWindow, EventFilter};
use crate::observe::{Observer, Reporter, TracingObserver};
use crate::remote_record::FaultTimeouts;
use crate::sink::{Patience, SinkState};
use crate::{
    Clock, CoralogixMapping, Error, EventSource, Lease, LogSink, Mapping, Result, SystemClock,
};

/// Builds a [`Pipeline`].
#[derive(Debug)]
#[must_use]
pub struct PipelineBuilder<S> {
    source: S,
    name: Option<String>,
    observer: Arc<dyn Observer>,
    parts: Parts,
    limits: Limits,
}

impl<S: EventSource> PipelineBuilder<S> {
    pub(super) fn new(source: S, sink: Arc<dyn LogSink>) -> Self {
        let mapping = CoralogixMapping::builder().build();
        Self {
            source,
            name: None,
            observer: Arc::new(TracingObserver::new()),
            parts: Parts {
                sink,
                sink_state: SinkState::default(),
                mapping: Arc::new(mapping.expect("the defaults are valid")),
                age: AgeFilter::default(),
                filters: Vec::new(),
                dead_letters: Arc::new(NoDeadLetters),
                clock: Arc::new(SystemClock),
                backoff: BackoffPolicy::default(),
                lease: None,
                dedup: None,
            },
            limits: Limits {
                deliveries: 4,
                events: 4000,
                bytes: 64 << 20,
                requests: 4,
                linger: Duration::from_millis(100),
                drain: Duration::from_secs(30),
                give_up: None,
                faults: FaultTimeouts::default(),
                patience: Patience::default(),
                seed: fastrand::u64(..),
            },
        }
    }

    /// Maps each event to an entry. Default: [`CoralogixMapping`] with its defaults.
    pub fn mapping(mut self, mapping: impl Mapping) -> Self {
        self.parts.mapping = Arc::new(mapping);
        self
    }

    /// The age rule. Default: events older than 24 hours are dropped and counted.
    pub fn age_filter(mut self, filter: AgeFilter) -> Self {
        self.parts.age = filter;
        self
    }

    /// Adds a filter, which runs after the age rule and after the filters added before.
    pub fn filter(mut self, filter: impl EventFilter) -> Self {
        self.parts.filters.push(Arc::new(filter));
        self
    }

    /// The store for events that cannot be delivered. Without one, the first such event ends the run.
    pub fn dead_letters(mut self, store: impl DeadLetters) -> Self {
        self.parts.dead_letters = Arc::new(store);
        self
    }

    /// Sends only under this lease on the log: no request begins or is underway after its deadline. While it has run out and nobody else
    /// holds the log, the pipeline waits. Once it is lost, the run hands back what is in flight, and ends with
    /// [`LeaseLost`](crate::ErrorKind::LeaseLost). Default: without.
    pub fn lease(mut self, lease: impl Lease) -> Self {
        self.parts.lease = Some(Arc::new(lease));
        self
    }

    /// Removes duplicates by this window, in place of that of the source: pipelines with one window deliver an event once, also where
    /// they are given it at the same time; if the one that has it in flight does not deliver it, another does. The source does
    /// not store the window then: [`StoredWindow`](crate::checkpoint::StoredWindow) does. Default: the
    /// [source's](EventSource::dedup_window).
    pub fn dedup_window(mut self, window: DedupWindow) -> Self {
        self.parts.dedup = Some(window);
        self
    }

    /// The clock. Default: the operating system's.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.parts.clock = Arc::new(clock);
        self
    }

    /// The name of the pipeline in logs and metrics. Default: that of its source.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Receives the [`PipelineEvent`](crate::observe::PipelineEvent)s of the run and of its source. Default: [`TracingObserver`].
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observer = Arc::new(observer);
        self
    }

    /// The waits between attempts at the source, the sink and the dead letters. Default: 200 ms to 30 s, doubled each time.
    pub fn backoff(mut self, policy: BackoffPolicy) -> Self {
        self.parts.backoff = policy;
        self
    }

    /// Unsettled deliveries at which the pipeline asks the source for no more. Default: 4.
    pub fn max_in_flight_deliveries(mut self, deliveries: usize) -> Self {
        self.limits.deliveries = deliveries;
        self
    }

    /// Events in flight at which the pipeline asks the source for no more. Default: 4,000. The last delivery may exceed it.
    pub fn max_in_flight_events(mut self, events: usize) -> Self {
        self.limits.events = events;
        self
    }

    /// Bytes of events in flight at which the pipeline asks the source for no more. Default: 64 MiB. The last delivery may exceed it,
    /// and each request in flight holds its body too.
    pub fn max_in_flight_bytes(mut self, bytes: usize) -> Self {
        self.limits.bytes = bytes;
        self
    }

    /// Maximum number of requests to the sink at a time; after a 429 or 503 there are fewer for a while. Beside them up to half as many,
    /// rounded up, try each one event that failed while others passed. Default: 4.
    pub fn max_in_flight_requests(mut self, requests: usize) -> Self {
        self.limits.requests = requests;
        self
    }

    /// How long an entry waits for others to fill a request. Default: 100 ms.
    pub fn linger(mut self, linger: Duration) -> Self {
        self.limits.linger = linger;
        self
    }

    /// How long requests and settlements in flight may take to finish after the shutdown or a fatal error. Default: 30 s.
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.limits.drain = timeout;
        self
    }

    /// Ends the run with an error of kind [`GaveUp`](crate::ErrorKind::GaveUp) after this long without an accepted request or a
    /// settlement, while something fails or is in flight. A delivery that was only handed back is no progress; a source with
    /// nothing to give does not count. Default: never.
    pub fn give_up_after(mut self, time: Duration) -> Self {
        self.limits.give_up = Some(time);
        self
    }

    /// How long something between (a web page, a redirect, an error without the remote's mark) may answer in the place of a source or
    /// sink that has accepted nothing yet in this run, before the run ends with an error of kind
    /// [`WrongEndpoint`](crate::ErrorKind::WrongEndpoint). Once the remote has accepted anything it is waited for as long as it
    /// takes. Default: 5 minutes.
    pub fn interception_timeout(mut self, timeout: Duration) -> Self {
        self.limits.faults.interception = timeout;
        self
    }

    /// The wait after which a source or sink that refused its credential (`Unauthorized`, `Forbidden`) is tried once more, before the run
    /// ends with its error. Zero: the run ends at once. Default: 60 s.
    pub fn refusal_wait(mut self, wait: Duration) -> Self {
        self.limits.faults.refusal = wait;
        self
    }

    /// How long an event that fails alone by a 5xx, a lost connection or silence, while others pass, is tried before it is dead-lettered as
    /// [`Blocked`](crate::dead_letter::DeadLetterReason::Blocked). At most 6 hours, and at most a third of
    /// [`give_up_after`](Self::give_up_after). One that is refused by a page or a status is after 5 minutes. Default: 30 minutes.
    pub fn outage_patience(mut self, patience: Duration) -> Self {
        self.limits.patience.outage = patience.min(Patience::MAX_OUTAGE);
        self
    }

    /// Shares what is learnt of the sink with the other pipelines that have the same state. Default: a state of its own.
    pub fn sink_state(mut self, state: SinkState) -> Self {
        self.parts.sink_state = state;
        self
    }

    /// The seed of the jitter. Default: random.
    pub fn seed(mut self, seed: u64) -> Self {
        self.limits.seed = seed;
        self
    }

    /// Builds the pipeline.
    ///
    /// # Errors
    /// `Config` if a bound is zero.
    pub fn build(mut self) -> Result<Pipeline<S>> {
        let bounds = [
            ("max_in_flight_deliveries", self.limits.deliveries),
            ("max_in_flight_events", self.limits.events),
            ("max_in_flight_bytes", self.limits.bytes),
            ("max_in_flight_requests", self.limits.requests),
        ];
        if let Some((field, _)) = bounds.iter().find(|(_, bound)| *bound == 0) {
            return Err(Error::config(field, "must be at least 1"));
        }
        let limits = self.parts.sink.limits();
        if limits.entries == 0 || limits.bytes == 0 {
            return Err(Error::config(
                "sink",
                "a request must hold at least 1 entry and 1 byte",
            ));
        }
        let source = self.source.name().to_owned();
        let name = self.name.unwrap_or_else(|| source.clone());
        let reporter = Reporter::new(name, source, self.observer);
        self.source.attach(&reporter);
        Ok(Pipeline {
            source: self.source,
            reporter,
            live: Arc::default(),
            parts: Arc::new(self.parts),
            limits: self.limits,
        })
    }
}
