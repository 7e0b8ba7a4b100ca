//! `--check` of what all programs of this route have.

use super::healing::HealSettings;
use super::settings::RouteSettings;
use crate::program::CheckedFolder;
use crate::program::check::{
    Report, check_checkpoint, check_coralogix, check_dead_letters, check_state_dir, check_window,
};
use crate::program::pipeline_settings::DEAD_LETTERS;

/// Coralogix, its clock, and the dead letters. The folder of `--state-dir` is there for as long as what is returned.
pub(super) async fn check_route(
    report: &mut Report,
    route: &RouteSettings,
) -> Option<CheckedFolder> {
    let proxy = route.proxy.as_deref();
    check_coralogix(report, &route.sink, &route.clock_offset, proxy).await;
    let state = check_state_dir(report, &route.pipeline.state);
    let setting = DEAD_LETTERS.about.flag;
    check_dead_letters(report, setting, &route.pipeline.dead_letters).await;
    state
}

/// What healing asks, if it is on: Okta, and its files.
pub(super) async fn check_healing(report: &mut Report, heal: Option<HealSettings>) {
    let Some(heal) = heal else { return };
    let found = heal.source.clone().check().await;
    let found = found.map_err(|error| heal.names.named(error));
    let detail = "the org accepts the credential, and gives its System Log";
    report.add("Okta", found.map(|()| detail));
    let owner = heal.window_owner();
    check_window(report, "--heal-after", &heal.window, &owner).await;
    check_checkpoint(report, "--heal-after", &heal.position, heal.source).await;
}
