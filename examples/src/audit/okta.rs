//! The events of the org's log, in the order of their time.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::{DateTime, Utc};
use coralogix_sink::audit::AuditEvent;
use coralogix_sink::query::EventId;
use futures::{Stream, stream};
use okta_coralogix_core::filter::EventTypeFilter;
use okta_coralogix_core::internal::Backoff;
use okta_coralogix_core::pipeline::BackoffPolicy;
use okta_coralogix_core::{
    Delivery, Error, EventSource, MalformedEvent, Outcome, RawEvent, Result, Severity,
};
use okta_source::Backfill;
use tokio::time::{Instant, sleep};

/// How long an audit of its own retries temporary errors of Okta without an answer in between.
pub(super) const GIVE_UP_AFTER: Duration = Duration::from_secs(600);

/// Reads the log.
struct Reader {
    source: Backfill,
    event_types: Option<EventTypeFilter>,
    /// Read, and not given yet.
    events: VecDeque<AuditEvent>,
    /// The time of the event before.
    last: DateTime<Utc>,
    backoff: Backoff,
    answered: Instant,
    give_up_after: Duration,
}

/// All events of `source`, which are as late as `start` at least. Those that `event_types` refuses are left out of what is sent.
/// Temporary errors are retried for `give_up_after` without an answer in between.
pub(super) fn events(
    source: Backfill,
    event_types: Option<EventTypeFilter>,
    start: DateTime<Utc>,
    give_up_after: Duration,
) -> impl Stream<Item = Result<AuditEvent>> {
    let reader = Reader {
        source,
        event_types,
        events: VecDeque::new(),
        last: start,
        backoff: Backoff::new(BackoffPolicy::default(), fastrand::u64(..)),
        answered: Instant::now(),
        give_up_after,
    };
    stream::try_unfold(reader, async |mut reader| {
        let next = reader.next().await?;
        Ok(next.map(|event| (event, reader)))
    })
}

impl Reader {
    async fn next(&mut self) -> Result<Option<AuditEvent>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            match self.source.next().await {
                Ok(Some(delivery)) => self.take(delivery).await?,
                Ok(None) => return Ok(None),
                Err(error) => {
                    let wait = self.backoff.next(error.retry());
                    let is_late = self.answered.elapsed() >= self.give_up_after;
                    let Some(wait) = wait.filter(|_| !is_late) else {
                        return Err(error);
                    };
                    tracing::warn!("Okta: {error}; asked again");
                    sleep(wait).await;
                }
            }
        }
    }

    async fn take(&mut self, delivery: Delivery) -> Result<()> {
        (self.answered, _) = (Instant::now(), self.backoff.reset());
        for item in &delivery.items {
            let event = self.event(item);
            self.last = event.published;
            self.events.push_back(event);
        }
        let outcomes = vec![Outcome::Settled; delivery.items.len()];
        delivery.acker.settle(&outcomes).await
    }

    fn event(&self, item: &Result<RawEvent, MalformedEvent>) -> AuditEvent {
        let Ok(event) = item else {
            return AuditEvent::without_id("", self.last);
        };
        let event_type = event.event_type().unwrap_or_default();
        let is_left_out = self
            .event_types
            .as_ref()
            .is_some_and(|types| !types.allows(&event_type));
        match event.uuid() {
            Some(uuid) => AuditEvent::new(EventId::new(&uuid), event_type, event.published())
                .severity(event.severity().map_or(Severity::Info, Severity::from))
                .left_out(is_left_out),
            None => AuditEvent::without_id(event_type, event.published()),
        }
    }
}

/// An error of Okta, which says so.
pub(super) fn of_okta(error: &Error) -> Error {
    Error::new(error.kind(), format!("Okta: {}", error.detail()))
}
