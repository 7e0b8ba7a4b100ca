//! A run with the orgs of `--config`.

use std::sync::Arc;

use futures::future::join_all;
use okta_coralogix_core::{Error, ErrorKind, Result, Summary, SystemClock};
use tracing::Instrument;

use super::check::{check, passed};
use super::config::{Integration, RunOptions, RunReport, run_all};
use super::settings::ManySettings;
use crate::program::pipeline::{DRAIN_TIMEOUT, open_dead_letters};
use crate::program::progress::Progress;
use crate::program::{ExitStatus, signals};

pub(super) async fn run(settings: ManySettings, progress: Progress) -> Result<ExitStatus> {
    let shutdown = signals::shutdown()?;
    if settings.check {
        return Ok(tokio::select! {
            status = check_all(settings.integrations) => status,
            () = shutdown => ExitStatus::Done(Summary::default()),
        });
    }
    let dead_letters = open_dead_letters(&settings.dead_letters).await?;
    let options = RunOptions {
        once: settings.once,
        drain_timeout: DRAIN_TIMEOUT,
        clock: Arc::new(SystemClock),
    };
    let observer = progress.observer();
    let integrations = settings.integrations;
    let dead_letters = Arc::new(dead_letters);
    let ended = run_all(integrations, &options, dead_letters, observer, shutdown).await;
    progress.finish();
    let RunReport { summary, failed } = ended?;
    let names: Vec<_> = failed.iter().map(|(name, _)| name.as_str()).collect();
    let detail = format!("these integrations have ended: {}", names.join(", "));
    let first = failed.into_iter().next();
    let error = first.map(|(_, first)| Error::new(first.kind(), detail).with_source(first));
    Ok(ExitStatus::of_run(summary, error))
}

async fn check_all(integrations: Vec<Integration>) -> ExitStatus {
    let checks = integrations.into_iter().map(|integration| async move {
        let span = tracing::info_span!("integration", name = integration.name);
        let check = check(integration.source, &integration.sink);
        let failed = check.instrument(span).await;
        (!failed.is_empty()).then_some(integration.name)
    });
    let failed: Vec<_> = join_all(checks).await.into_iter().flatten().collect();
    if failed.is_empty() {
        return passed();
    }
    let detail = format!("the check failed for {}", failed.join(", "));
    ExitStatus::Failed(Error::new(ErrorKind::Config, detail), Summary::default())
}
