//! `--check`: asks Coralogix and this machine. EventBridge cannot be asked: it calls.

use okta_coralogix_core::Summary;

use super::run::OPEN_FILES;
use super::settings::Settings;
use crate::eventbridge::check::{check_healing, check_route};
use crate::program::ExitStatus;
use crate::program::check::{Report, check_admin, check_listener, check_open_files};

pub(super) async fn check(settings: Settings) -> ExitStatus<Summary> {
    let mut report = Report::default();
    let route = settings.route;
    let _state = check_route(&mut report, &route).await;
    let sink = std::sync::Arc::new(route.sink);
    let asked = move || {
        let sink = std::sync::Arc::clone(&sink);
        async move { sink.check().await }
    };
    let endpoint = settings.source.sink_check(asked).build();
    let endpoint = endpoint.map_err(|error| settings.names.named(error));
    let detail = "events are taken with the credentials that are set; EventBridge calls, and cannot be asked";
    report.add("endpoint", endpoint.map(|_| detail));
    check_healing(&mut report, settings.watch.heal).await;
    check_listener(&mut report, &settings.listen);
    if let Some(audit) = settings.audit {
        audit.check(&mut report).await;
    }
    check_admin(&mut report, settings.watch.admin.as_ref());
    check_open_files(&mut report, OPEN_FILES);
    report.status()
}
