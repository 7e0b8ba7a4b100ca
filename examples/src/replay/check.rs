//! `--check`: asks Coralogix, for each integration of `--config`, and counts the letters.

use okta_coralogix_core::dead_letter::{DeadLetters, ObjectDeadLetters};
use okta_coralogix_core::{Result, SharedClockOffset, Summary};
use tracing::Instrument;

use super::letters::count;
use super::plan::{left, plan};
use super::settings::{OnePlace, Places, Settings};
use crate::program::ExitStatus;
use crate::program::args::in_setting;
use crate::program::check::{
    Report, check_admin, check_coralogix, check_dead_letters, check_open_files, check_state_dir,
};
use crate::program::open_files::needed;
use crate::program::pipeline_settings::DEAD_LETTERS;
use crate::program::start::span;
use crate::pull::check_store;
use crate::pull::config::Integration;

pub(super) async fn check(settings: Settings) -> ExitStatus<Summary> {
    let mut report = Report::default();
    let setting = DEAD_LETTERS.about.flag;
    let path = &settings.pipeline.dead_letters;
    let _state = check_state_dir(&mut report, &settings.pipeline.state);
    match &settings.state {
        Some(state) => {
            let store = check_store(&mut report, state).await;
            if let Some(store) = store {
                let location = ObjectDeadLetters::new(&store).location();
                report.add(
                    setting,
                    Ok(format!("dead letters are read from {location}")),
                );
            }
        }
        None => check_dead_letters(&mut report, setting, path).await,
    }
    let counts = count(&settings).await.map_err(in_setting(setting));
    let planned = counts.and_then(|counts| plan(&settings, &counts));
    let to_be_sent = planned.map(|(parts, placeless)| {
        let letters: u64 = parts.iter().map(|part| part.letters).sum();
        let left = left(&placeless, settings.kept_in()).map(|left| format!("; {left}"));
        format!("{letters} are to be sent{}", left.unwrap_or_default())
    });
    report.add("letters", to_be_sent);
    match &settings.places {
        Places::One(OnePlace {
            sink, clock, proxy, ..
        }) => check_coralogix(&mut report, sink, clock, proxy.as_deref()).await,
        Places::Integrations(integrations) => {
            for integration in integrations {
                let name = &integration.name;
                let found = check_place(integration).instrument(span(name)).await;
                report.add_integration(name, &found);
            }
        }
    }
    check_admin(&mut report, settings.admin.as_ref());
    check_open_files(&mut report, needed(1));
    report.status()
}

async fn check_place(integration: &Integration) -> Report {
    let mut report = Report::default();
    let connect = || -> Result<_> { integration.connect(&integration.read_secrets()?) };
    match connect() {
        Ok(connection) => {
            let proxy = integration.proxy.as_deref();
            let clock: &SharedClockOffset = &connection.clock;
            check_coralogix(&mut report, &connection.sink, clock, proxy).await;
        }
        Err(error) => report.add("secrets", Err::<&str, _>(error)),
    }
    report
}
