//! Variables of a run with one org that stand beside a file, which does not read them.

use okta_source::Credentials;

use super::ORG_URL;
use super::file::ConfigFile;
use super::secrets::SecretRef;
use crate::program::{Environment, coralogix};

/// Says which of them are set and not named by the file.
pub(super) fn check(file: &ConfigFile, environment: &Environment) {
    let orgs = file.integration.iter().flat_map(|table| {
        let secrets = [&table.api_token, &table.private_key, &table.client_secret];
        secrets.into_iter().chain([&table.coralogix.api_key])
    });
    let secrets = orgs.chain([&file.coralogix.api_key]).flatten();
    let named: Vec<_> = secrets
        .filter_map(|secret| match secret {
            SecretRef::Env(name) => Some(name.as_str()),
            SecretRef::File(_) => None,
        })
        .collect();
    let all = [ORG_URL].into_iter().chain(Credentials::VARIABLES);
    let all = all.chain(coralogix::VARIABLES);
    let unread: Vec<_> = all
        .filter(|name| environment.has(name) && !named.contains(name))
        .collect();
    if !unread.is_empty() {
        environment.warnings().add(format!(
            "--config: {} set beside it, but not read: the file says it for each integration; unset what is not needed, or name the \
             variable of a secret in the file, as `{{ env = \"NAME\" }}`",
            match &unread[..] {
                [one] => format!("{one} is"),
                all => format!("{} are", all.join(", ")),
            }
        ));
    }
}
