//! A run that sends the dead letters of a file.

use std::sync::Arc;

use bytes::Bytes;
use eventbridge_source::Envelope;
use okta_coralogix_core::dead_letter::DeadLetterSource;
use okta_coralogix_core::filter::AgeFilter;
use okta_coralogix_core::{MalformedEvent, Origin, Pipeline, RawEvent, Result};

use super::settings::Settings;
use crate::program::admin::Admin;
use crate::program::args::in_setting;
use crate::program::metrics::{Monitor, SourceKind};
use crate::program::pipeline::{configure, open_dead_letters};
use crate::program::progress::Progress;
use crate::program::{ExitStatus, signals};

pub(super) async fn run(settings: Settings, progress: Progress) -> Result<ExitStatus> {
    let shutdown = signals::shutdown()?;
    let letters = settings.dead_letters.clone();
    let admin = Admin::start(settings.admin.clone(), Some(letters))?;
    let monitor = admin.monitor("replay", SourceKind::Replay);
    let pipeline = open(settings, &progress, &monitor).await?;
    let ended = pipeline.run(shutdown).await;
    progress.finish();
    Ok(ended.into())
}

pub(super) async fn open(
    settings: Settings,
    progress: &Progress,
    monitor: &Monitor,
) -> Result<Pipeline<DeadLetterSource>> {
    let letters = open_dead_letters(&settings.dead_letters).await?;
    let source = DeadLetterSource::open(&letters).await;
    let source = source.map_err(in_setting("--dead-letters"))?;
    let pipeline = Pipeline::builder(source.parse_with(parse), settings.sink)
        .mapping(settings.mapping)
        .age_filter(AgeFilter::new(AgeFilter::DEFAULT_LIMIT, settings.too_old))
        .dead_letters(letters);
    let give_up_after = Some(settings.give_up_after);
    let observer = (progress.observer(), monitor.clone());
    let pipeline = configure(pipeline, observer, settings.faults, give_up_after).build()?;
    monitor.attach(pipeline.handle());
    Ok(pipeline)
}

/// A letter holds the bytes of an event, or of an EventBridge envelope around one, and the event's origin.
fn parse(bytes: Bytes, origin: Arc<Origin>) -> Result<RawEvent, MalformedEvent> {
    match Envelope::parse(bytes.clone()) {
        Ok(envelope) => RawEvent::parse_within(bytes, envelope.detail_range(), origin),
        Err(_) => RawEvent::parse(bytes, origin),
    }
}
