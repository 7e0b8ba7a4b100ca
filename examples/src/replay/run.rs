//! A real run.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use eventbridge_source::Envelope;
use okta_coralogix_core::dead_letter::{DeadLetterSource, FileDeadLetters};
use okta_coralogix_core::filter::AgeFilter;
use okta_coralogix_core::{Error, MalformedEvent, Origin, Pipeline, RawEvent, Result};

use super::Settings;
use crate::program::ExitStatus;
use crate::program::progress::Progress;
use crate::program::signals;

/// How long what is in flight may take after a signal.
const DRAIN: Duration = Duration::from_secs(20);

pub(super) async fn run(settings: Settings) -> ExitStatus {
    let progress = Progress::on_stderr();
    progress.take_the_log();
    let shutdown = match signals::shutdown() {
        Ok(shutdown) => shutdown,
        Err(error) => return ExitStatus::WrongSetting(error),
    };
    let pipeline = match open(settings, progress.clone()).await {
        Ok(pipeline) => pipeline,
        Err(error) => return ExitStatus::WrongSetting(error),
    };
    let ended = pipeline.run(shutdown).await;
    progress.finish();
    match ended {
        Ok(summary) => ExitStatus::Done(summary),
        Err(failed) => ExitStatus::Failed(failed.error, failed.summary),
    }
}

pub(super) async fn open(
    settings: Settings,
    progress: Progress,
) -> Result<Pipeline<DeadLetterSource>> {
    let named = |error: Error| Error::new(error.kind(), format!("--dead-letters: {error}"));
    let letters = FileDeadLetters::open(&settings.dead_letters)
        .await
        .map_err(named)?;
    let source = DeadLetterSource::open(&letters).await.map_err(named)?;
    Pipeline::builder(source.parse_with(parse), settings.sink)
        .mapping(settings.mapping)
        .age_filter(AgeFilter::new(TimeDelta::hours(24), settings.too_old))
        .dead_letters(letters)
        .observer(progress)
        .drain_timeout(DRAIN)
        .give_up_after(settings.give_up)
        .build()
}

/// A letter's bytes are an event, or an EventBridge envelope around one. Its origin stands in the letter.
fn parse(bytes: Bytes, origin: Arc<Origin>) -> Result<RawEvent, MalformedEvent> {
    match Envelope::parse(bytes.clone()) {
        Ok(envelope) => RawEvent::parse_within(bytes, envelope.detail_range(), origin),
        Err(_) => RawEvent::parse(bytes, origin),
    }
}
