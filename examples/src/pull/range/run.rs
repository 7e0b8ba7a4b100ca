//! A run with a bounded range.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use okta_coralogix_core::checkpoint::CheckpointStore;
use okta_coralogix_core::{Clock, Pipeline, Result, SystemClock};
use okta_source::{Backfill, StartPoint, StoredPosition};

use super::{RangeSettings, RangeTimes};
use crate::program::admin::Admin;
use crate::program::args::in_setting;
use crate::program::metrics::SourceKind;
use crate::program::pipeline::{self, configure};
use crate::program::progress::{Progress, Work};
use crate::program::start::span;
use crate::program::{ExitStatus, signals};
use crate::pull::config::Beginning;
use crate::pull::dry_run::DryRun;
use crate::pull::position::text;
use crate::pull::stores::Stores;

/// Okta may store an event some time after it was published.
const LATE: TimeDelta = TimeDelta::hours(1);

pub(in super::super) async fn run(
    settings: RangeSettings,
    progress: Progress,
) -> Result<ExitStatus> {
    let shutdown = signals::shutdown()?;
    let RangeSettings {
        times,
        checkpoint,
        org,
        keep,
    } = settings;
    let stores = Stores::open(&org.mode, "--from", &checkpoint, &org.pipeline).await?;
    let dry_run = org.mode.dry_run();
    let letters = org.pipeline.dead_letters_file();
    let letters = letters.filter(|_| dry_run.is_none());
    let admin = Admin::start(org.admin.clone(), letters)?;
    let monitor = admin.monitor(&org.name, SourceKind::Pull);
    let source = org.source.checkpoint(Arc::clone(&stores.checkpoint));
    let opened = source.open_backfill(times.range.clone()).await;
    let source = opened.map_err(in_setting("--from"))?;
    let beginning = Beginning {
        since: None,
        resumes: Some(&resumes(&source, &times)),
        too_old: org.pipeline.options.too_old.unwrap_or_default(),
        keep,
        proxy: org.proxy.as_deref(),
        checkpoint: stores.checkpoint_file(),
        is_shared: false,
        dead_letters: stores.dead_letters_file(),
    };
    let within = span(&org.name);
    within.in_scope(|| {
        let now = SystemClock.now();
        beginning.log(source.start_point(), &org.org, &*stores.sink, now);
        match dry_run {
            Some(dry_run) => {
                dry_run.begins(&org.name, source.start_point(), beginning.too_old, now)
            }
            None => notes(&times, now),
        }
    });
    progress.expect(&org.name, Work::Range(times.range.start, times.range.end));
    let pipeline = Pipeline::builder(source, stores.sink)
        .name(&org.name)
        .dead_letters(stores.dead_letters);
    let pipeline = match dry_run {
        Some(dry_run) => pipeline.mapping(dry_run.mapping(org.mapping)),
        None => pipeline.mapping(org.mapping),
    };
    let tally = dry_run.map(DryRun::observer);
    let observer = ((progress.observer(), monitor.clone()), tally);
    let pipeline = configure(pipeline, observer, &org.pipeline.options, org.once).build()?;
    monitor.attach(pipeline.handle());
    let status = pipeline::run(pipeline, shutdown).await;
    progress.finish();
    let is_complete = is_complete(stores.checkpoint).await;
    let status = within.in_scope(|| ended(status, is_complete, &times));
    Ok(match dry_run {
        None => status,
        Some(dry_run) => dry_run.ended(status, Some(times.range.end), &progress),
    })
}

fn resumes(source: &Backfill, times: &RangeTimes) -> String {
    let (from, to) = (text(times.range.start), text(times.range.end));
    let at = match source.start_point() {
        _ if source.is_finished() => "was read to its end before".to_owned(),
        StartPoint::Checkpoint {
            published: Some(published),
        } => format!("goes on behind {}", text(published)),
        StartPoint::Checkpoint { published: None } => "goes on where it was".to_owned(),
        _ => "begins".to_owned(),
    };
    format!("the range from {from} to {to} {at}")
}

fn notes(times: &RangeTimes, now: DateTime<Utc>) {
    let (from, to) = (text(times.range.start), text(times.range.end));
    tracing::info!(
        "what was delivered of this range without --from and --to, or with other times, is sent again"
    );
    if times.is_relative {
        tracing::info!(
            "the times are relative to now; to go on after an interruption write --from {from} --to {to}"
        );
    }
    if now.signed_duration_since(times.range.end) < LATE {
        tracing::warn!(
            "the range ends less than an hour ago: events of it that Okta stores later are missing, and polling (pull without --from) gives them"
        );
    }
}

async fn is_complete(store: Arc<dyn CheckpointStore>) -> bool {
    let position = StoredPosition::load(store).await;
    matches!(position, Ok(Some(position)) if position.is_finished())
}

/// A range that a signal has stopped is not done: what starts the program has to start it again.
fn ended(status: ExitStatus, is_complete: bool, times: &RangeTimes) -> ExitStatus {
    match status {
        ExitStatus::Done(summary) if is_complete => {
            tracing::info!("the range is complete");
            ExitStatus::Done(summary)
        }
        ExitStatus::Done(summary) | ExitStatus::HandedBack(summary) => {
            let (from, to) = (text(times.range.start), text(times.range.end));
            tracing::warn!(
                "the range is not complete; it goes on where it was with --from {from} --to {to}"
            );
            ExitStatus::HandedBack(summary)
        }
        status => status,
    }
}
