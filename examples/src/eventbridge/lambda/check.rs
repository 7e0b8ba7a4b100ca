//! `--check`, outside of Lambda: asks Coralogix and this machine.

use okta_coralogix_core::Summary;

use super::settings::Settings;
use crate::eventbridge::check::check_route;
use crate::program::ExitStatus;
use crate::program::check::{Report, check_open_files};
use crate::program::open_files::needed;

pub(super) async fn check(settings: Settings) -> ExitStatus<Summary> {
    let mut report = Report::default();
    let _state = check_route(&mut report, &settings.route).await;
    check_open_files(&mut report, needed(1));
    report.status()
}
