//! What `pull` cannot do without, for one org.

use okta_coralogix_core::Result;

use super::config::ORG_URL;
use crate::audit::continuous::ContinuousSettings;
use crate::program::missing::{Missing, is_filled};
use crate::program::{Environment, coralogix};

/// What the address of the org is.
pub(super) const ORG: &str = "the address of your org, such as https://example.okta.com";

const TOKEN: [&str; 2] = ["OKTA_API_TOKEN", "OKTA_API_TOKEN_FILE"];
const CLIENT_ID: &str = "OKTA_API_CLIENT_ID";
const PRIVATE_KEY: [&str; 2] = ["OKTA_API_PRIVATE_KEY", "OKTA_API_PRIVATE_KEY_FILE"];
const CLIENT_SECRET: [&str; 2] = ["OKTA_API_CLIENT_SECRET", "OKTA_API_CLIENT_SECRET_FILE"];

/// # Errors
/// `Config`, which names all that is missing.
pub(super) fn check(environment: &Environment, sends: bool, audits: bool) -> Result<()> {
    let mut missing = Missing::default();
    org(&mut missing, environment);
    if sends {
        coralogix::require(&mut missing, environment);
    }
    if audits {
        ContinuousSettings::require(&mut missing, environment);
    }
    missing.check()
}

/// Adds what the side of Okta cannot do without.
pub(crate) fn org(missing: &mut Missing, environment: &Environment) {
    missing.require(environment, &[ORG_URL], ORG);
    credential(missing, environment);
}

/// A token, or a client id with a key or a secret.
fn credential(missing: &mut Missing, environment: &Environment) {
    let any = |names: &[&'static str]| {
        let mut names = names.iter();
        names.find(|name| is_filled(environment, name)).copied()
    };
    let of_app = any(&PRIVATE_KEY).or_else(|| any(&CLIENT_SECRET));
    match (any(&TOKEN), any(&[CLIENT_ID]), of_app) {
        (Some(_), ..) | (_, Some(_), Some(_)) => {}
        (None, Some(_), None) => {
            let detail = format!(
                "is not set, but {CLIENT_ID} is; set it to the private key of the app or to its file ({} for an API service integration)",
                CLIENT_SECRET[0]
            );
            missing.add(PRIVATE_KEY[0], detail);
        }
        (None, None, Some(other)) => {
            let detail =
                format!("is not set, but {other} is; set it to the client id of the service app");
            missing.add(CLIENT_ID, detail);
        }
        (None, None, None) => {
            let what = format!(
                "the API token of a Read-only or Report Administrator, or set {CLIENT_ID} and {} of a service app",
                PRIVATE_KEY[0]
            );
            missing.require(environment, &TOKEN, &what);
        }
    }
}
