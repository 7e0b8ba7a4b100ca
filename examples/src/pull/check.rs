//! `--check`: asks Okta, Coralogix and this machine what a run needs.

use std::path::Path;

use futures::{StreamExt, stream};
use okta_coralogix_core::checkpoint::shared::SharedStore;
use okta_coralogix_core::dead_letter::{DeadLetters, ObjectDeadLetters};
use okta_coralogix_core::{Result, Summary};
use okta_source::OktaSourceBuilder;
use tracing::Instrument;

use super::config::{CHECKPOINT, Connection, Integration};
use super::replicas::{check_log, check_store};
use super::settings::{ManySettings, OrgCheck, OrgSettings};
use crate::audit::continuous::check_audit;
use crate::program::check::{
    Report, check_admin, check_checkpoint, check_coralogix, check_dead_letters, check_open_files,
    check_state_dir,
};
use crate::program::open_files::needed;
use crate::program::pipeline_settings::DEAD_LETTERS;
use crate::program::start::span;
use crate::program::{ExitStatus, is_state};

/// How many orgs are checked at a time.
const CHECKS: usize = 32;

/// One org.
pub(super) async fn check_org(settings: OrgSettings, check: OrgCheck) -> ExitStatus<Summary> {
    let mut report = Report::default();
    let names = settings.names.clone();
    check_okta(&mut report, settings.source, |error| names.named(error)).await;
    let OrgCheck {
        sink,
        clock,
        position,
    } = check;
    check_coralogix(&mut report, &sink, &clock, settings.proxy.as_deref()).await;
    if let Some((_, sides)) = settings.audit {
        check_audit(&mut report, Ok(sides)).await;
    }
    let _state = check_state_dir(&mut report, &settings.pipeline.state);
    let setting = CHECKPOINT.about.flag;
    check_checkpoint(&mut report, setting, &settings.checkpoint, position).await;
    check_machine(&mut report, &settings.pipeline.dead_letters, 1).await;
    check_admin(&mut report, settings.admin.as_ref());
    report.status()
}

/// All orgs of the file, some at a time.
pub(super) async fn check_all(settings: ManySettings) -> ExitStatus<Summary> {
    let mut report = Report::default();
    let orgs = settings.integrations.len();
    let _state = check_state_dir(&mut report, &settings.pipeline.state);
    let shared = match &settings.shared {
        Some(state) => Position::Shared(check_store(&mut report, state).await),
        None => Position::File,
    };
    let letters = &settings.pipeline.dead_letters;
    match &shared {
        Position::Shared(store) if is_state(letters) => {
            // What is wrong with the store was said.
            if let Some(store) = store {
                let location = ObjectDeadLetters::new(store).location();
                let found = format!("dead letters are kept as objects, {location}");
                report.add(DEAD_LETTERS.about.flag, Ok(found));
            }
            check_open_files(&mut report, needed(orgs));
        }
        _ => check_machine(&mut report, letters, orgs).await,
    }
    check_admin(&mut report, settings.admin.as_ref());
    let checks = settings.integrations.into_iter().map(|integration| async {
        let name = integration.name.clone();
        let checked = check_integration(integration, &shared);
        let found = checked.instrument(span(&name)).await;
        (name, found)
    });
    // In the order of the file.
    let checks: Vec<_> = stream::iter(checks).buffered(CHECKS).collect().await;
    for (name, found) in &checks {
        report.add_integration(name, found);
    }
    report.status()
}

/// Where the positions are.
enum Position {
    File,
    /// `None`: the store cannot be used, which was said.
    Shared(Option<SharedStore>),
}

async fn check_integration(integration: Integration, shared: &Position) -> Report {
    let mut report = Report::default();
    // A source for each of the two that take one.
    let connect = || -> Result<[Connection; 2]> {
        let secrets = integration.read_secrets()?;
        Ok([
            integration.connect(&secrets)?,
            integration.connect(&secrets)?,
        ])
    };
    let [asked, position] = match connect() {
        Ok(connections) => connections,
        Err(error) => {
            report.add("secrets", Err::<&str, _>(error));
            return report;
        }
    };
    check_okta(&mut report, asked.source, |error| error).await;
    let proxy = integration.proxy.as_deref();
    check_coralogix(&mut report, &asked.sink, &asked.clock, proxy).await;
    if integration.audit.is_some() {
        check_audit(&mut report, integration.audit_sides()).await;
    }
    match shared {
        Position::Shared(None) => {}
        Position::Shared(Some(store)) => {
            check_log(&mut report, store, &integration.name, position.source).await;
        }
        Position::File => {
            let (setting, file) = (CHECKPOINT.about.key, &integration.checkpoint);
            check_checkpoint(&mut report, setting, file, position.source).await;
        }
    }
    report
}

async fn check_okta(
    report: &mut Report,
    source: OktaSourceBuilder,
    named: impl Fn(okta_coralogix_core::Error) -> okta_coralogix_core::Error,
) {
    let found = source.check().await.map_err(named);
    let detail = "the org accepts the credential, and gives its System Log";
    report.add("Okta", found.map(|()| detail));
}

async fn check_machine(report: &mut Report, dead_letters: &Path, orgs: usize) {
    check_dead_letters(report, DEAD_LETTERS.about.flag, dead_letters).await;
    check_open_files(report, needed(orgs));
}
