//! Sends lines and counts their outcomes.

use std::time::Duration;

use okta_coralogix_core::observe::TracingObserver;
use okta_coralogix_core::sink::{EntrySender, SendOutcome};
use okta_coralogix_core::{Clock, Error, ErrorKind, SystemClock};
use serde::Serialize;
use tokio::io::AsyncBufRead;

use super::lines::Lines;
use super::settings::Settings;
use crate::program::ExitStatus;
use crate::program::metrics::Monitor;

/// Counts of lines. `read` is the sum of the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct LineCounts {
    /// Lines that were read.
    pub read: u64,
    /// Accepted by Coralogix.
    pub accepted: u64,
    /// Refused by Coralogix, or too large: logged on stderr.
    pub refused: u64,
    /// Not sent.
    pub unsent: u64,
}

/// After this long without an accepted line the program ends: the service that writes to it should not hang for ever.
const GIVE_UP_AFTER: Duration = Duration::from_secs(600);

/// Sends each line until the end of the input. Lines that were read wait only for the answer to the lines before them.
pub(super) async fn send(
    settings: Settings,
    monitor: Monitor,
    input: impl AsyncBufRead + Unpin,
) -> ExitStatus<LineCounts> {
    let Settings {
        sink,
        labels,
        refusal_wait,
        ..
    } = settings;
    let sender = EntrySender::builder(sink)
        .observer((TracingObserver::new(), monitor))
        .give_up_after(GIVE_UP_AFTER)
        .refusal_wait(refusal_wait)
        .build();
    let mut lines = Lines::new(input);
    let mut count = LineCounts::default();
    loop {
        let batch = match lines.next().await {
            Ok(batch) if batch.is_empty() => return ExitStatus::Done(count),
            Ok(batch) => batch,
            Err(error) => {
                let error = Error::new(ErrorKind::Storage, format!("standard input: {error}"));
                return ExitStatus::Failed(error, count);
            }
        };
        let now = SystemClock.now();
        let entries = batch.iter().map(|line| labels.entry(line, now)).collect();
        count.read += batch.len() as u64;
        let (outcomes, error) = match sender.send(entries).await {
            Ok(outcomes) => (outcomes, None),
            Err(ended) => (ended.outcomes, Some(ended.error)),
        };
        for (line, outcome) in batch.iter().zip(outcomes) {
            match outcome {
                SendOutcome::Accepted => count.accepted += 1,
                SendOutcome::Refused { reason, detail, .. } => {
                    count.refused += 1;
                    let bytes = line.len();
                    tracing::warn!(%reason, detail, bytes, "a line cannot be sent");
                }
                _ => count.unsent += 1,
            }
        }
        if let Some(error) = error {
            return ExitStatus::Failed(error, count);
        }
    }
}
