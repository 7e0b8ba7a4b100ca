//! `--check` of what replicas share.

use chrono::SecondsFormat;
use okta_coralogix_core::Result;
use okta_coralogix_core::checkpoint::shared::SharedStore;
use okta_coralogix_core::text::sanitize;
use okta_source::OktaSourceBuilder;

use super::SharedState;
use super::settings::STATE;
use crate::program::check::Report;
use crate::pull::config::{in_shared_log, resumes};

/// The store: that it keeps conditions, and is fast enough. `None`: it cannot be used.
pub(crate) async fn check_store(report: &mut Report, state: &SharedState) -> Option<SharedStore> {
    let checked = async {
        let store = state.open().await?;
        store.check().await.map_err(|error| state.named(error))?;
        Ok(store)
    };
    let (store, found) = match checked.await {
        Ok(store) => (
            Some(store),
            Ok("keeps conditional puts, and is fast enough"),
        ),
        Err(error) => (None, Err(error)),
    };
    let address = state.address();
    report.add(
        STATE.about.flag,
        found.map(|found| format!("{address} {found}")),
    );
    store
}

/// The log of one org: who holds it, and whether `source` would go on from its position.
pub(in super::super) async fn check_log(
    report: &mut Report,
    store: &SharedStore,
    name: &str,
    source: OktaSourceBuilder,
) {
    let found = look(store, name, source).await;
    report.add("position", found);
}

async fn look(store: &SharedStore, name: &str, source: OktaSourceBuilder) -> Result<String> {
    let Some(record) = store.look(name).await? else {
        return Ok("no replica has held the log yet".to_owned());
    };
    let position = match &record.checkpoint {
        Some(checkpoint) => {
            let resumed = resumes(&source, checkpoint).await;
            resumed.map_err(|error| in_shared_log(error, store, name))?;
            "a position is saved, from which a run goes on"
        }
        None => "no position is saved yet",
    };
    let saved = record.saved.to_rfc3339_opts(SecondsFormat::Secs, true);
    Ok(match record.holder {
        Some(holder) => format!("{} held the log at {saved}; {position}", sanitize(&holder)),
        None => format!("no replica holds the log, which was released at {saved}; {position}"),
    })
}
