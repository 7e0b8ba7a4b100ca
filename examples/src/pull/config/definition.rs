//! What the file says of an integration, to be compared with what it says later.

use super::file::{CoralogixTable, IntegrationTable};
use crate::program::settings::KeyValues;

/// What the file says of an integration, with what it says of all of them: two that are equal run in the same way.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Definition(Option<Box<IntegrationTable>>);

impl Definition {
    /// `target` has the defaults of the file filled in; `settings` are those of the file for all.
    pub(super) fn of(
        table: &IntegrationTable,
        target: &CoralogixTable,
        settings: &KeyValues,
    ) -> Self {
        let table = table.clone();
        Self(Some(Box::new(IntegrationTable {
            // The older names say the same.
            subsystem: table.subsystem.or(table.account),
            account: None,
            org_url: table.org_url.or(table.okta_domain),
            okta_domain: None,
            coralogix: target.clone(),
            settings: table.settings.or(settings),
            ..table
        })))
    }
}
