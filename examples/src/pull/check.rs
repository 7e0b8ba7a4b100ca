//! `--check`: asks Okta and Coralogix whether they can be reached and accept the credentials.

use coralogix_sink::CoralogixSink;
use okta_coralogix_core::{ErrorKind, Summary};
use okta_source::OktaSourceBuilder;

use crate::program::ExitStatus;

/// Logs both answers; returns the names of those that refused, with the kinds of their errors.
pub(super) async fn check(
    source: OktaSourceBuilder,
    sink: &CoralogixSink,
) -> Vec<(&'static str, ErrorKind)> {
    let answers = [
        ("Okta", source.check().await),
        ("Coralogix", sink.check().await),
    ];
    let mut failed = Vec::new();
    for (name, answer) in answers {
        match answer {
            Ok(()) => tracing::info!("{name}: reachable, and the credential is accepted"),
            Err(error) => {
                tracing::error!("{name}: {error}");
                failed.push((name, error.kind()));
            }
        }
    }
    failed
}

/// Logs that every check has passed: the summary counts events, and so it does not tell.
pub(super) fn passed() -> ExitStatus {
    tracing::info!("the check passed; nothing was sent, so that the summary counts no event");
    ExitStatus::Done(Summary::default())
}
