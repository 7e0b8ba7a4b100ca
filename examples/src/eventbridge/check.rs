//! `--check` of what all programs of this route have.

use super::settings::RouteSettings;
use crate::program::check::{Report, check_coralogix, check_dead_letters, check_state_dir};
use crate::program::pipeline_settings::DEAD_LETTERS;

/// Coralogix, its clock, and the dead letters.
pub(super) async fn check_route(report: &mut Report, route: &RouteSettings) {
    let proxy = route.proxy.as_deref();
    check_coralogix(report, &route.sink, &route.clock_offset, proxy).await;
    let _state = check_state_dir(report, &route.pipeline.state);
    let setting = DEAD_LETTERS.about.flag;
    check_dead_letters(report, setting, &route.pipeline.dead_letters).await;
}
