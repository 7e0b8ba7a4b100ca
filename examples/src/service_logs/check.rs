//! `--check`: asks Coralogix and this machine, and reads no line.

use super::LineCounts;
use super::settings::Settings;
use crate::program::ExitStatus;
use crate::program::check::{Report, check_admin, check_coralogix, check_open_files};
use crate::program::open_files::needed;

pub(super) async fn check(settings: Settings) -> ExitStatus<LineCounts> {
    let mut report = Report::default();
    let proxy = settings.proxy.as_deref();
    check_coralogix(&mut report, &settings.sink, &settings.clock, proxy).await;
    check_admin(&mut report, settings.admin.as_ref());
    check_open_files(&mut report, needed(1));
    report.status()
}
