//! The credentials of a source, as they are configured.

use std::ffi::OsString;

use okta_coralogix_core::{Result, Secret};

use super::api_token::ApiToken;
use super::env;
use super::service_app::ServiceApp;

/// The credentials of a source: an API token, or a service app. Two are equal if they sign alike.
#[derive(Debug, Clone)]
pub struct Credentials {
    pub(super) kind: Kind,
    /// Where the user has set them, for messages.
    pub(super) setting: Option<String>,
}

impl PartialEq for Credentials {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    ApiToken(ApiToken),
    ServiceApp(Box<ServiceApp>),
}

impl Credentials {
    /// The variables that [`from_env`](Self::from_env) looks at.
    pub const VARIABLES: [&str; 9] = env::VARIABLES;

    /// Reads the credentials from variables, as the Okta Terraform provider names them: either `OKTA_API_TOKEN`, or
    /// `OKTA_API_CLIENT_ID` with `OKTA_API_PRIVATE_KEY` (PEM, a JWK, or the path of a file with one of them) and, if wanted,
    /// `OKTA_API_PRIVATE_KEY_ID` and `OKTA_API_SCOPES`. An API service integration has `OKTA_API_CLIENT_SECRET` in place of
    /// the key. In place of a secret itself, `OKTA_API_TOKEN_FILE`, `OKTA_API_PRIVATE_KEY_FILE` or `OKTA_API_CLIENT_SECRET_FILE` may
    /// name the file that it is in.
    ///
    /// ```no_run
    /// # fn main() -> okta_coralogix_core::Result<()> {
    /// let credentials = okta_source::Credentials::from_env(|name| std::env::var_os(name))?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// `Config` names the variable that is missing, wrong or contradicts another, and the valid values. It repeats no secret.
    pub fn from_env(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Self> {
        env::read(lookup, |_, _| Ok(()))
    }

    /// As [`from_env`](Self::from_env), and asks `check` about each secret before it is used, with the name of its variable. For programs
    /// that know what else the text might be, such as the key of another service.
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env), and those of `check`.
    pub fn from_env_checked(
        lookup: impl Fn(&str) -> Option<OsString>,
        check: impl Fn(&str, &Secret) -> Result<()>,
    ) -> Result<Self> {
        env::read(lookup, check)
    }

    /// Names the setting of these credentials, which the message of a refusal then repeats. [`from_env`](Self::from_env) names the variable.
    #[must_use]
    pub fn with_setting(mut self, setting: impl Into<String>) -> Self {
        self.setting = Some(setting.into());
        self
    }
}

impl From<ApiToken> for Credentials {
    fn from(token: ApiToken) -> Self {
        Self {
            kind: Kind::ApiToken(token),
            setting: None,
        }
    }
}

impl From<ServiceApp> for Credentials {
    fn from(app: ServiceApp) -> Self {
        Self {
            kind: Kind::ServiceApp(Box::new(app)),
            setting: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{PrivateKey, SigningAlgorithm};
    use super::*;

    fn key(file: &str) -> PrivateKey {
        let path = format!("{}/tests/keys/{file}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        PrivateKey::parse(&text.into()).unwrap()
    }

    #[test]
    fn credentials_are_equal_if_they_sign_alike() {
        let token = |text: &str| Credentials::from(ApiToken::parse(&text.into()).unwrap());
        let app = |id: &str, file: &str| ServiceApp::with_private_key(id, key(file)).unwrap();
        let integration = |id: &str, secret: &str| {
            Credentials::from(ServiceApp::with_client_secret(id, &secret.into()).unwrap())
        };
        let rs512 = key("rsa.pkcs8.pem").with_algorithm(SigningAlgorithm::Rs512);
        let rs512 = ServiceApp::with_private_key("a", rs512.unwrap()).unwrap();
        let all = || {
            [
                token("00a"),
                token("00b"),
                token("00ab"),
                integration("a", "x"),
                integration("a", "y"),
                integration("b", "x"),
                app("a", "rsa.pkcs8.pem").into(),
                app("b", "rsa.pkcs8.pem").into(),
                app("a", "other.pkcs8.pem").into(),
                app("a", "p256.pkcs8.pem").into(),
                app("a", "rsa.pkcs8.pem").key_id("one").unwrap().into(),
                app("a", "rsa.pkcs8.pem").key_id("two").unwrap().into(),
                app("a", "rsa.pkcs8.pem")
                    .scopes("okta.logs.read,okta.users.read")
                    .unwrap()
                    .into(),
                rs512.clone().into(),
            ]
        };
        let (ones, others): (Vec<Credentials>, Vec<Credentials>) = (all().into(), all().into());
        for (n, one) in ones.iter().enumerate() {
            for (m, other) in others.iter().enumerate() {
                assert_eq!(one == other, n == m, "{n} {m}");
            }
        }
        assert!(token(" 00a\n") == token("00a"));
    }
}
