//! What the file says of an integration, to be compared with what it says later.

use super::file::{CoralogixTable, IntegrationTable};

/// What the file says of an integration, with what it says of all of them: two that are equal run in the same way.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Definition(Option<Box<IntegrationTable>>);

impl Definition {
    /// `target` and `too_old` have the defaults of the file filled in.
    pub(super) fn of(
        table: &IntegrationTable,
        target: &CoralogixTable,
        too_old: Option<&String>,
    ) -> Self {
        let table = table.clone();
        Self(Some(Box::new(IntegrationTable {
            // The older names say the same.
            subsystem: table.subsystem.or(table.account),
            account: None,
            org_url: table.org_url.or(table.okta_domain),
            okta_domain: None,
            coralogix: target.clone(),
            too_old: too_old.cloned(),
            // Compared as the path that it leads to.
            checkpoint: None,
            ..table
        })))
    }
}
