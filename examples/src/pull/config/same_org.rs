//! Integrations that read the same org.
//!
//! Two that differ in nothing but their names send each event twice to one place: a copy that was not finished, which is refused. Two that
//! differ in the filter or the place may be meant, and share the org's limit of requests: that is only said.

use std::collections::BTreeMap;

use okta_coralogix_core::{Error, Result};
use okta_source::OrgUrl;

use super::file::{ConfigFile, CoralogixTable, IntegrationTable};
use super::source_settings::{FILTER, Q};
use crate::program::Warnings;
use crate::program::pipeline_settings::{EVENT_TYPES, SKIP_EVENT_TYPES};

/// Names of integrations in a message, at most.
const NAMES: usize = 5;

/// # Errors
/// `Config`, which names both, if two integrations would send the same events to the same place.
pub(super) fn check(file: &ConfigFile, warnings: &Warnings) -> Result<()> {
    let mut orgs: BTreeMap<String, Vec<&IntegrationTable>> = BTreeMap::new();
    for table in &file.integration {
        if let Some(org) = org(table) {
            orgs.entry(org).or_default().push(table);
        }
    }
    let target = |table: &IntegrationTable| table.coralogix.clone().or(&file.coralogix);
    let name =
        |table: &IntegrationTable| format!("{:?}", table.name.as_deref().unwrap_or_default());
    for (org, tables) in orgs.iter().filter(|(_, tables)| tables.len() > 1) {
        for (n, table) in tables.iter().enumerate() {
            let is_same = |other: &&&IntegrationTable| {
                what_is_read(table) == what_is_read(other)
                    && same_place((table, &target(table)), (other, &target(other)))
            };
            if let Some(other) = tables[..n].iter().find(is_same) {
                let detail = format!(
                    "reads the same events of {org} as integration {} and sends them to the same place, where each would arrive twice; \
                     remove one of the two, or correct its org_url, filter or subsystem",
                    name(other)
                );
                return Err(Error::config(
                    &format!("integration {}", name(table)),
                    detail,
                ));
            }
        }
        let names: Vec<_> = tables.iter().take(NAMES).map(|table| name(table)).collect();
        let more = match tables.len().saturating_sub(NAMES) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        warnings.add(format!(
            "integrations {}{more}: all read {org}; an event that several of them take is sent by each of them, and they share the org's \
             limit of requests",
            names.join(", ")
        ));
    }
    Ok(())
}

/// The org's address in its one form; `None` if it is none, which is said elsewhere.
fn org(table: &IntegrationTable) -> Option<String> {
    let written = table.org_url.as_ref().or(table.okta_domain.as_ref())?;
    OrgUrl::parse(written).ok().map(|org| org.to_string())
}

fn what_is_read(
    table: &IntegrationTable,
) -> [Option<std::result::Result<String, &'static str>>; 4] {
    let abouts = [
        &FILTER.about,
        &Q.about,
        &EVENT_TYPES.about,
        &SKIP_EVENT_TYPES.about,
    ];
    abouts.map(|about| table.settings.get(about.key))
}

fn same_place(
    (one, target): (&IntegrationTable, &CoralogixTable),
    (other, other_target): (&IntegrationTable, &CoralogixTable),
) -> bool {
    let subsystem = |table: &IntegrationTable| {
        let name = table.subsystem.as_ref().or(table.account.as_ref());
        name.map(|name| name.trim().to_owned())
    };
    let place = |target: &CoralogixTable| {
        let CoralogixTable {
            domain,
            endpoint,
            api_key,
            application,
            // Where it is asked, not where it is stored.
            query_endpoint: _,
            query_key: _,
        } = target.clone();
        (domain, endpoint, api_key, application)
    };
    subsystem(one) == subsystem(other) && place(target) == place(other_target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_org_twice_is_refused_or_said() {
        let of = |first: &str, second: &str| {
            let one = |name: &str, more: &str| {
                format!(
                    "[[integration]]\nname = \"{name}\"\n{more}\napi_token = {{ env = \"T\" }}\n"
                )
            };
            let text = format!(
                "[coralogix]\ndomain = \"EU2\"\napi_key = {{ env = \"K\" }}\n{}{}",
                one("a", first),
                one("b", second)
            );
            let warnings = Warnings::default();
            let checked = check(&ConfigFile::parse(&text).unwrap(), &warnings);
            (
                checked.map_err(|error| error.to_string()),
                warnings.take().len(),
            )
        };
        let first = "org_url = \"acme.okta.com\"\nsubsystem = \"s\"";
        for (second, is_refused, warnings) in [
            ("org_url = \"other.okta.com\"\nsubsystem = \"s\"", false, 0),
            (first, true, 0),
            (
                "org_url = \"https://ACME.okta.com/\"\nsubsystem = \"s\"\nsince = \"1h\"",
                true,
                0,
            ),
            ("okta_domain = \"acme.okta.com\"\naccount = \"s\"", true, 0),
            ("org_url = \"acme.okta.com\"\nsubsystem = \"t\"", false, 1),
            (
                "org_url = \"acme.okta.com\"\nsubsystem = \"s\"\nq = \"x\"",
                false,
                1,
            ),
            (
                "org_url = \"acme.okta.com\"\nsubsystem = \"s\"\ncoralogix = { domain = \"US1\" }",
                false,
                1,
            ),
        ] {
            let (checked, said) = of(first, second);
            assert_eq!((checked.is_err(), said), (is_refused, warnings), "{second}");
            if let Err(error) = checked {
                assert!(
                    error.starts_with("integration \"b\": reads the same events of https://acme.okta.com as integration \"a\""),
                    "{error}"
                );
            }
        }
    }
}
