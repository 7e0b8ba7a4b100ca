//! The observer that logs.

use std::sync::Arc;
use std::time::Duration;

use tracing::field::display;

use super::gathered::GatheredLines;
use super::{Observer, PipelineContext, PipelineEvent};
use crate::RawEvent;
use crate::delivery::Disposition;
use crate::event::LogStreamChange;
use crate::text::{sanitize, seconds, with_causes};

/// The default: logs with `tracing`.
///
/// Failures, dead letters, refused requests, late events, log streams that end and events that are too old at warn (a permanent source
/// failure and held entries at error), healed events and what recovers, other changes of log streams and backfill progress at info, the rest at debug. Dead
/// letters, refused requests and log streams are ten lines at once and then one in ten seconds, with a count of the others; events that are too old or were healed are a line when it begins, each minute while it goes on,
/// and at the end.
#[derive(Debug, Clone, Default)]
pub struct TracingObserver(Arc<GatheredLines>);

impl TracingObserver {
    /// One that has logged nothing yet. Clones count together.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes the lines that are due of what was gathered of a pipeline. Each event does that too: call it now and then where a pipeline may
    /// have no event for long.
    pub fn flush(&self, pipeline: &str) {
        self.0.flush(pipeline);
    }

    fn note(&self, context: &PipelineContext<'_>, event: &PipelineEvent<'_>) {
        match event {
            PipelineEvent::Ended {
                disposition: Disposition::TooOld,
                event: Some(event),
            } => {
                self.0.gather(context.pipeline, |gathered| {
                    gathered.too_old.count(event.published())
                });
                self.note_log_stream(context.pipeline, event);
            }
            PipelineEvent::Ended {
                disposition: Disposition::Delivered | Disposition::Filtered,
                event: Some(event),
            } => self.note_log_stream(context.pipeline, event),
            PipelineEvent::Healed { event, is_verified } => {
                self.0.gather(context.pipeline, |gathered| {
                    gathered.healed.count(event.published());
                    if !is_verified {
                        gathered.unverified.count(event.published());
                    }
                });
            }
            PipelineEvent::Ended { .. } | PipelineEvent::Dropped { .. } => {}
            PipelineEvent::DeadLettered {
                letter,
                event,
                location,
            } => {
                let admitted = self
                    .0
                    .gather(context.pipeline, |gathered| gathered.dead_letters.admit());
                if let Some(untold) = admitted {
                    let uuid = event.and_then(|event| event.uuid());
                    let event_type = event.and_then(|event| event.event_type());
                    tracing::warn!(
                        uuid = uuid.as_deref().map(sanitize),
                        event_type = event_type.as_deref().map(sanitize),
                        reason = %letter.reason,
                        detail = sanitize(&letter.detail),
                        location,
                        before = (untold > 0).then_some(untold),
                        "an event was dead-lettered"
                    );
                }
            }
            PipelineEvent::RequestAnswered { status: 401, .. } => {
                let admitted = self
                    .0
                    .gather(context.pipeline, |gathered| gathered.refused.admit());
                if let Some(untold) = admitted {
                    tracing::warn!(
                        status = 401,
                        before = (untold > 0).then_some(untold),
                        "a request was refused: its credential is missing or wrong"
                    );
                }
            }
            PipelineEvent::Stopped { .. } => self.0.forget(context.pipeline),
            _ => self.0.flush(context.pipeline),
        }
    }

    fn note_log_stream(&self, pipeline: &str, event: &RawEvent) {
        let Some(change) = LogStreamChange::of(event) else {
            return;
        };
        let admitted = self
            .0
            .gather(pipeline, |gathered| gathered.log_streams.admit());
        let Some(untold) = admitted else {
            return;
        };
        let model = event.model().unwrap_or_default();
        let stream = model
            .targets()
            .iter()
            .find_map(|target| target.display_name.as_str());
        let by = model
            .actor
            .get()
            .and_then(|actor| actor.display_name.as_str());
        let (stream, by) = (stream.map(sanitize), by.map(sanitize));
        let before = (untold > 0).then_some(untold);
        let published = event.published();
        match change.ends_the_stream() {
            true => tracing::warn!(
                stream, by, %published, before,
                "a log stream of Okta was {change}: it sends nothing from then on, and Okta never sends that later. Activate it again, and read \
                 what it has missed from the System Log"
            ),
            false => {
                tracing::info!(stream, by, %published, before, "a log stream of Okta was changed: {change}")
            }
        }
    }
}

impl Observer for TracingObserver {
    fn observe(&self, context: &PipelineContext<'_>, event: &PipelineEvent<'_>) {
        self.note(context, event);
        log(context, event);
    }
}

fn time(time: &Option<Duration>) -> Option<impl tracing::Value> {
    time.map(|time| display(seconds(time)))
}

fn log(context: &PipelineContext<'_>, event: &PipelineEvent<'_>) {
    let source = context.source;
    match event {
        PipelineEvent::SendFailed {
            error,
            entries,
            retry_in,
            ..
        } => {
            tracing::warn!(
                error = %with_causes(*error),
                entries,
                retry_in = time(retry_in),
                "a request to the sink failed"
            );
        }
        PipelineEvent::Recovered { stage, after } => {
            tracing::info!(after = %seconds(*after), "recovered: {}", match stage {
                super::Stage::Source => "the source gives events again",
                super::Stage::Sink => "the sink accepts requests again",
                super::Stage::DeadLetters => "dead letters can be written again",
                super::Stage::Settlement => "deliveries can be settled again",
            });
        }
        PipelineEvent::SuspectsHeld { entries } => tracing::error!(
            entries,
            "the endpoint refuses or fails at many entries and takes others: these are held, and none is dead-lettered"
        ),
        PipelineEvent::SourceFailed { error, retry_in } => match retry_in {
            Some(_) => {
                tracing::warn!(
                    error = %with_causes(*error),
                    retry_in = time(retry_in),
                    "the source failed"
                )
            }
            None => {
                tracing::error!(error = %with_causes(*error), "the source failed permanently")
            }
        },
        PipelineEvent::DeadLettersFailed { error, retry_in } => {
            tracing::warn!(
                error = %with_causes(*error),
                retry_in = time(retry_in),
                "dead letters could not be written"
            );
        }
        PipelineEvent::SettleFailed { error } => {
            tracing::warn!(
                error = %with_causes(*error),
                "a delivery could not be settled"
            )
        }
        PipelineEvent::SourceSilent {
            since_event,
            since_response,
        } => tracing::warn!(
            source,
            since_event = %seconds(*since_event),
            since_response = time(since_response),
            "the source has given no event for a long time"
        ),
        PipelineEvent::OverlapReread {
            known,
            late,
            after_reset: false,
        } if *late > 0 => tracing::warn!(
            source,
            known,
            late,
            "reading the last minutes again found events that the remote's links had passed; they are delivered now, but others may be \
             missing: report it to the remote's support"
        ),
        PipelineEvent::OverlapReread { known, late, .. } if *late > 0 => tracing::info!(
            source,
            known,
            late,
            "reading again found events that had not been read"
        ),
        PipelineEvent::BacklogAging {
            age,
            too_old,
            forecast,
        } => tracing::warn!(
            source,
            age = %seconds(*age),
            too_old,
            %forecast,
            "the backlog is nearly too old to be delivered"
        ),
        PipelineEvent::BackfillProgress { published, share } => {
            // One for each page: a program says how far it is now and then.
            tracing::debug!(source, %published, share, "read up to here")
        }
        // One a line would drown the log; the counts are in the summary. The others are gathered.
        PipelineEvent::Ended { .. }
        | PipelineEvent::Healed { .. }
        | PipelineEvent::Dropped { .. }
        | PipelineEvent::DeadLettered { .. } => {}
        PipelineEvent::Started => tracing::debug!(source, "the run began"),
        PipelineEvent::Stopped { .. } => tracing::debug!(source, "the run ended"),
        PipelineEvent::Received { items } => {
            tracing::debug!(items, "the source gave a delivery")
        }
        PipelineEvent::Accepted { entries, bytes, .. } => {
            tracing::debug!(entries, bytes, "the sink accepted a request");
        }
        PipelineEvent::Settled { items } => tracing::debug!(items, "a delivery was settled"),
        PipelineEvent::Polled {
            items,
            caught_up,
            lag,
            budget_left,
        } => tracing::debug!(
            source,
            items,
            caught_up,
            lag = time(lag),
            budget_left,
            "the source was given a page"
        ),
        PipelineEvent::Requested { error, took } => tracing::debug!(
            source,
            error = error.map(|error| display(with_causes(error))),
            took = %seconds(*took),
            "the source asked its remote"
        ),
        PipelineEvent::RequestAnswered { status, took } => {
            tracing::debug!(source, status, took = %seconds(*took), "the source answered a request");
        }
        PipelineEvent::RemoteClock { offset } => {
            tracing::trace!(source, seconds = offset.num_seconds(), "the remote's clock");
        }
        PipelineEvent::DeliveredThrough { time } => {
            tracing::debug!(source, %time, "every event up to here is settled");
        }
        PipelineEvent::RateLimitWait { wait } => {
            tracing::debug!(source, wait = %seconds(*wait), "the source waits for its request budget");
        }
        PipelineEvent::CursorReset { since } => {
            tracing::debug!(source, %since, "the remote refused the cursor; reading again from an earlier time");
        }
        PipelineEvent::OverlapReread { known, late, .. } => {
            tracing::debug!(source, known, late, "reading again found nothing new");
        }
    }
}
