//! A run with the orgs of `--config`.

use std::sync::Arc;

use futures::{StreamExt, stream};
use okta_coralogix_core::dead_letter::DeadLetters;
use okta_coralogix_core::{Clock, Error, ErrorKind, Result, Summary, SystemClock};
use tracing::Instrument;

use super::check::{check, passed};
use super::config::{Connection, Integration, RunOptions, RunReport, run_all};
use super::dry_run::DryRun;
use super::settings::ManySettings;
use crate::program::admin::Admin;
use crate::program::open_files::raise_limit_for;
use crate::program::progress::Progress;
use crate::program::start::span;
use crate::program::{ExitStatus, ProgramDeadLetters, signals};

/// How many orgs are checked at a time.
const CHECKS: usize = 32;

pub(super) async fn run(settings: ManySettings, progress: Progress) -> Result<ExitStatus> {
    let shutdown = signals::shutdown()?;
    let count = settings.integrations.len();
    raise_limit_for(count);
    if settings.check {
        return Ok(tokio::select! {
            status = check_all(settings.integrations) => status,
            () = shutdown => ExitStatus::Done(Summary::default()),
        });
    }
    let dry_run = settings.dry_run;
    let letters = settings.pipeline.dead_letters_file();
    let letters = letters.filter(|_| dry_run.is_none());
    let admin = Admin::start(settings.admin, letters)?;
    let dead_letters: Arc<dyn DeadLetters> = match dry_run {
        Some(_) => DryRun::dead_letters(),
        None => Arc::new(ProgramDeadLetters::open(&settings.pipeline.dead_letters).await?),
    };
    let options = RunOptions {
        once: settings.once,
        drain_timeout: settings.pipeline.drain_timeout(),
        faults: settings.pipeline.faults,
        too_old: settings.pipeline.too_old.unwrap_or_default(),
        clock: Arc::new(SystemClock),
        admin: Arc::new(admin),
        dry_run,
    };
    if options.once.is_some() {
        progress.expect_end();
    }
    let observer = progress.observer();
    let integrations = settings.integrations;
    let ended = run_all(integrations, &options, dead_letters, observer, shutdown).await;
    progress.finish();
    let RunReport {
        summary,
        handed_back,
        failed,
    } = ended;
    let names: Vec<_> = failed.iter().map(|(name, _)| name.as_str()).collect();
    let names = names.join(", ");
    let down = failed.len();
    let detail = match options.once {
        Some(_) => format!("{down} of {count} integrations have ended with an error: {names}"),
        None => format!("{down} of {count} integrations are down: {names}"),
    };
    let first = failed.into_iter().next();
    let error = first.map(|(_, first)| Error::new(first.kind(), detail).with_source(first));
    let status = ExitStatus::of_run(summary, error).after_stop(handed_back);
    Ok(match options.dry_run {
        None => status,
        // At its end it has read what there was until now.
        Some(dry_run) => {
            let through = options.once.map(|_| SystemClock.now());
            dry_run.ended(status, through, &progress)
        }
    })
}

async fn check_all(integrations: Vec<Integration>) -> ExitStatus {
    let checks = integrations.into_iter().map(|integration| async move {
        let name = integration.name.clone();
        let passes = check_one(integration).instrument(span(&name)).await;
        (!passes).then_some(name)
    });
    // In the order of the file.
    let checks: Vec<_> = stream::iter(checks).buffered(CHECKS).collect().await;
    let failed: Vec<_> = checks.into_iter().flatten().collect();
    if failed.is_empty() {
        return passed();
    }
    let detail = format!("the check failed for {}", failed.join(", "));
    ExitStatus::Failed(Error::new(ErrorKind::Config, detail), Summary::default())
}

/// True if the secrets can be read, and both remotes accept them.
async fn check_one(integration: Integration) -> bool {
    let secrets = integration.read_secrets();
    match secrets.and_then(|secrets| integration.connect(&secrets)) {
        Ok(Connection { source, sink, .. }) => check(source, &sink).await.is_empty(),
        Err(error) => {
            tracing::error!("{error}");
            false
        }
    }
}
