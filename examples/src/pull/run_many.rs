//! A real run with many orgs.

use std::sync::Arc;

use futures::future::join_all;
use okta_coralogix_core::dead_letter::FileDeadLetters;
use okta_coralogix_core::{Error, ErrorKind, Result, Summary, SystemClock};

use super::Many;
use super::config::{Ended, Integration, Limits, run_all};
use super::run::DRAIN;
use crate::program::ExitStatus;
use crate::program::progress::Progress;
use crate::program::signals;

pub(super) async fn run(many: Many) -> ExitStatus {
    let progress = Progress::on_stderr();
    progress.take_the_log();
    let shutdown = match signals::shutdown() {
        Ok(shutdown) => shutdown,
        Err(error) => return ExitStatus::WrongSetting(error),
    };
    if many.check {
        return tokio::select! {
            end = check(many.integrations) => end,
            () = shutdown => ExitStatus::Done(Summary::default()),
        };
    }
    let ended = start(many, progress.clone(), shutdown).await;
    progress.finish();
    match ended {
        Ok(ended) => end(ended),
        Err(error) => ExitStatus::WrongSetting(error),
    }
}

async fn start(
    many: Many,
    progress: Progress,
    shutdown: impl Future<Output = ()>,
) -> Result<Ended> {
    let letters = FileDeadLetters::open(&many.dead_letters).await;
    let letters =
        letters.map_err(|error| Error::new(error.kind(), format!("--dead-letters: {error}")))?;
    let limits = Limits {
        once: many.once,
        drain: DRAIN,
        clock: Arc::new(SystemClock),
    };
    run_all(
        many.integrations,
        &limits,
        Arc::new(letters),
        progress,
        shutdown,
    )
    .await
}

/// One line for all that failed; each was told when it did.
fn end(ended: Ended) -> ExitStatus {
    let names: Vec<_> = ended.failed.iter().map(|(name, _)| name.as_str()).collect();
    let names = names.join(", ");
    match ended.failed.into_iter().next() {
        None => ExitStatus::Done(ended.summary),
        Some((_, first)) => {
            let detail = format!("these integrations have ended: {names}");
            ExitStatus::Failed(
                Error::new(first.kind(), detail).with_source(first),
                ended.summary,
            )
        }
    }
}

/// Asks both ends of each and says what they answered.
async fn check(integrations: Vec<Integration>) -> ExitStatus {
    let checks = integrations.into_iter().map(|integration| async move {
        let okta = integration.source.check().await;
        let coralogix = integration.sink.check().await;
        let mut good = true;
        for (end, answer) in [("Okta", okta), ("Coralogix", coralogix)] {
            let integration = &integration.name;
            match answer {
                Ok(()) => tracing::info!(
                    integration,
                    "{end}: reachable, and the credential is accepted"
                ),
                Err(error) => {
                    good = false;
                    tracing::error!(integration, %error, "{end}");
                }
            }
        }
        (!good).then_some(integration.name)
    });
    let failed: Vec<_> = join_all(checks).await.into_iter().flatten().collect();
    if failed.is_empty() {
        return ExitStatus::Done(Summary::default());
    }
    let detail = format!("the check failed for {}", failed.join(", "));
    ExitStatus::Failed(Error::new(ErrorKind::Config, detail), Summary::default())
}
