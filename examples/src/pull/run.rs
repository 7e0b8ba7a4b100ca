//! A run with one org.

use std::sync::Arc;

use okta_coralogix_core::{Clock, ErrorKind, EventSource, Pipeline, Result, SystemClock};
use okta_source::OktaSource;

use super::audited::Audited;
use super::check::check_org;
use super::config::{Beginning, CHECKPOINT};
use super::dry_run::DryRun;
use super::settings::{OrgSettings, TOO_OLD_FLAGS};
use super::stores::Stores;
use crate::audit::continuous::AuditObserver;
use crate::program::admin::Admin;
use crate::program::args::in_setting;
use crate::program::metrics::{Monitor, SourceKind};
use crate::program::pipeline::{self, configure};
use crate::program::progress::Progress;
use crate::program::start::span;
use crate::program::{ExitStatus, signals};

pub(super) async fn run(mut settings: OrgSettings, progress: Progress) -> Result<ExitStatus> {
    // A signal ends a check at once: nothing is in flight.
    if let Some(check) = settings.check.take() {
        return Ok(check_org(settings, *check).await);
    }
    let shutdown = signals::shutdown()?;
    let dry_run = settings.mode.dry_run().cloned();
    let letters = settings.pipeline.dead_letters_file();
    let letters = letters.filter(|_| dry_run.is_none());
    let is_once = settings.once.is_some();
    let admin = Admin::start(settings.admin.clone(), letters)?;
    let monitor = admin.monitor(&settings.name, SourceKind::Pull);
    let audit = match settings.audit.take() {
        Some(audit) => Some(Audited::of(&settings, audit).await?),
        None => None,
    };
    let observer = audit.as_ref().map(|audit| audit.observer());
    let pipeline = open(settings, &progress, (&monitor, observer)).await?;
    let auditor = audit.map(|audit| audit.start(&monitor));
    let status = pipeline::run(pipeline, shutdown).await;
    drop(auditor);
    progress.finish();
    Ok(match dry_run {
        None => status,
        // At its end it has read what there was until now.
        Some(dry_run) => {
            let through = is_once.then(|| SystemClock.now());
            dry_run.ended(status, through, &progress)
        }
    })
}

async fn open(
    settings: OrgSettings,
    progress: &Progress,
    (monitor, audit): (&Monitor, Option<AuditObserver>),
) -> Result<Pipeline<OktaSource>> {
    let named = in_setting(CHECKPOINT.about.flag);
    let (file, pipeline) = (&settings.checkpoint, &settings.pipeline);
    let stores = Stores::open(&settings.mode, CHECKPOINT.about.flag, file, pipeline).await?;
    let checkpoint = Arc::clone(&stores.checkpoint);
    let opened = settings.source.checkpoint(checkpoint).open().await;
    let source = opened.map_err(|error| match error.kind() {
        ErrorKind::Corrupt | ErrorKind::Storage => named(error),
        _ => settings.names.named(error),
    })?;
    let beginning = Beginning {
        since: settings.since.as_deref(),
        resumes: None,
        too_old: settings.pipeline.options.too_old.unwrap_or_default(),
        keep: TOO_OLD_FLAGS,
        proxy: settings.proxy.as_deref(),
        checkpoint: stores.checkpoint_file(),
        is_shared: false,
        dead_letters: stores.dead_letters_file(),
    };
    let name = source.name().to_owned();
    span(&name).in_scope(|| {
        let (start, now) = (source.start_point(), SystemClock.now());
        beginning.log(start, &settings.org, &*stores.sink, now);
        if let Some(dry_run) = settings.mode.dry_run() {
            dry_run.begins(&name, start, beginning.too_old, now);
        }
    });
    if settings.once.is_some() {
        progress.expect_end();
    }
    let pipeline = Pipeline::builder(source, stores.sink)
        .name(name)
        .dead_letters(stores.dead_letters);
    let pipeline = match settings.mode.dry_run() {
        Some(dry_run) => pipeline.mapping(dry_run.mapping(settings.mapping)),
        None => pipeline.mapping(settings.mapping),
    };
    let tally = settings.mode.dry_run().map(DryRun::observer);
    let observer = ((progress.observer(), monitor.clone()), (tally, audit));
    let pipeline = configure(
        pipeline,
        observer,
        &settings.pipeline.options,
        settings.once,
    )
    .build()?;
    monitor.attach(pipeline.handle());
    Ok(pipeline)
}
