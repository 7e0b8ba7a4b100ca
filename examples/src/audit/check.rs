//! `--check`: asks Okta for its log, and Coralogix for a count.

use coralogix_sink::query::Answer;
use okta_coralogix_core::{Error, ErrorKind, Result};
use tracing::Instrument;

use super::letters;
use super::of_file::FileOrgs;
use super::run::{about_one_key, what_is_seen};
use super::settings::OrgSettings;
use crate::program::ExitStatus;
use crate::program::check::Report;
use crate::program::start::span;

pub(super) async fn check(FileOrgs { orgs, failed }: FileOrgs) -> ExitStatus<()> {
    let mut report = Report::default();
    for (name, error) in failed {
        let mut found = Report::default();
        span(&name).in_scope(|| found.add("settings", Err::<&str, _>(error)));
        report.add_integration(&name, &found);
    }
    for settings in &orgs {
        let Some(name) = &settings.integration else {
            check_org(settings, &mut report).await;
            continue;
        };
        let mut found = Report::default();
        let checked = check_org(settings, &mut found);
        checked.instrument(span(name)).await;
        report.add_integration(name, &found);
    }
    match report.is_ok() {
        true => ExitStatus::told(),
        false => report.status(),
    }
}

async fn check_org(settings: &OrgSettings, report: &mut Report) {
    let source = settings.source.clone();
    let asked = source.check().await;
    let asked = asked.map_err(|error| settings.names.named(error));
    report.add(
        "Okta",
        asked.map(|()| "the org accepts the credential, and gives its System Log"),
    );
    report.add("Coralogix", counted(settings).await);
    if let Some(path) = settings.pipeline.dead_letters_file() {
        let letters = letters::causes(&path, settings.integration.as_deref());
        let path = path.display();
        report.add(
            "dead letters",
            letters.map(|letters| format!("{} events are in {path}", letters.len())),
        );
    }
    if let Some(refill) = &settings.refill {
        let asked = refill.sink.check().await.unwrap_or(Ok(()));
        report.add(
            "refill",
            asked.map(|()| format!("{} accepts the key", refill.sink.address())),
        );
    }
}

/// How many logs are stored in the range: an audit finds nothing where there is none.
async fn counted(settings: &OrgSettings) -> Result<String> {
    let base = settings.client.endpoint().base_url();
    let counted = settings
        .client
        .count(&settings.filter, settings.range)
        .await;
    match counted.map_err(|error| about_one_key(settings, error))? {
        Answer::Proven(0) => {
            let seen = what_is_seen(settings, settings.range).await;
            let detail = format!(
                "{base} answers, and has no log of {} in the range; {seen}",
                settings.target
            );
            Err(Error::new(ErrorKind::Config, detail))
        }
        Answer::Proven(logs) => Ok(format!(
            "{base} answers, and has {logs} logs of {} in the range",
            settings.target
        )),
        Answer::Unproven(unproven) if unproven.halves().is_some() => Ok(format!(
            "{base} answers; the whole range at once is no proof, and is asked about in parts"
        )),
        Answer::Unproven(unproven) => Err(Error::new(
            ErrorKind::UnexpectedResponse,
            unproven.to_string(),
        )),
    }
}
