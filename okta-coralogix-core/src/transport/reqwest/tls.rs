//! TLS as the client uses it: the root certificates of the system, and HTTP/1.1.

use std::env::var_os;
use std::ffi::OsString;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{ALL_VERSIONS, ClientConfig, Error};
use rustls_platform_verifier::Verifier;

use crate::text::quote;

/// What all clients of the process share while one of them lives: reading the certificates takes a few milliseconds, and keeping
/// them a few hundred kilobytes.
static SHARED: Mutex<Weak<ClientConfig>> = Mutex::new(Weak::new());

/// The TLS settings of the process, with the root certificates of the system.
///
/// # Errors
/// If the system has no root certificates.
pub(super) fn system() -> Result<Arc<ClientConfig>, Error> {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(config) = shared.upgrade() {
        return Ok(config);
    }
    let provider = provider();
    let verifier = Verifier::new(Arc::clone(&provider))?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(ALL_VERSIONS)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    let config = Arc::new(over_http1(config));
    *shared = Arc::downgrade(&config);
    Ok(config)
}

/// The provider that the program has installed, or else the one of reqwest.
fn provider() -> Arc<CryptoProvider> {
    let installed = CryptoProvider::get_default().cloned();
    installed.unwrap_or_else(|| Arc::new(aws_lc_rs::default_provider()))
}

/// One request at a time on a connection, also where another crate of the program has switched reqwest's HTTP/2 on.
pub(super) fn over_http1(mut config: ClientConfig) -> ClientConfig {
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

/// The variables that replace the root certificates of the system, as far as they are set.
#[derive(Debug, Clone, Default)]
pub(super) struct CertificateVariables {
    file: Option<OsString>,
    dir: Option<OsString>,
}

impl CertificateVariables {
    pub(super) fn read() -> Self {
        Self {
            file: var_os("SSL_CERT_FILE"),
            dir: var_os("SSL_CERT_DIR"),
        }
    }

    /// The variables that are set, with their values.
    fn set(&self) -> String {
        let variables = [("SSL_CERT_FILE", &self.file), ("SSL_CERT_DIR", &self.dir)];
        let set: Vec<_> = variables
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_ref()?)))
            .map(|(name, value)| format!("{name} is {}", quote(&value.to_string_lossy())))
            .collect();
        set.join(" and ")
    }

    /// Why there are no root certificates, and what to do.
    pub(super) fn explain_no_roots(&self) -> String {
        let set = self.set();
        match set.is_empty() {
            true => "this machine has no root certificates, which https needs; install its CA bundle (the package `ca-certificates`), or \
                     name a PEM file of root certificates by SSL_CERT_FILE"
                .to_owned(),
            false => format!(
                "{set}, and no root certificate can be read there, which https needs; name a PEM file that this program may read, or unset \
                 it, since it replaces the roots of the system"
            ),
        }
    }

    /// What to know before a certificate is added to a file that `SSL_CERT_FILE` names.
    pub(super) fn replacement(&self) -> String {
        let needs =
            "SSL_CERT_FILE replaces the roots of the system, so its file needs all that are in use";
        let set = self.set();
        match set.is_empty() {
            true => format!(". {needs}"),
            false => format!(". {needs}; at present {set}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificate_variables_are_named_where_they_replace_the_roots() {
        let none = CertificateVariables::default();
        let file = CertificateVariables {
            file: Some("/nowhere/ca.pem".into()),
            dir: None,
        };
        let both = CertificateVariables {
            dir: Some("/certs".into()),
            ..file.clone()
        };
        assert!(none.explain_no_roots().contains("install its CA bundle"));
        for (variables, set) in [
            (&file, r#"SSL_CERT_FILE is "/nowhere/ca.pem", "#),
            (
                &both,
                r#"SSL_CERT_FILE is "/nowhere/ca.pem" and SSL_CERT_DIR is "/certs", "#,
            ),
        ] {
            let no_roots = variables.explain_no_roots();
            assert!(no_roots.starts_with(set), "{no_roots}");
            assert!(
                no_roots.contains("replaces the roots of the system"),
                "{no_roots}"
            );
            let replacement = variables.replacement();
            assert!(
                replacement.contains(set.trim_end_matches(", ")),
                "{replacement}"
            );
        }
    }

    #[test]
    fn root_certificates_are_read_once_while_a_client_lives() {
        let Ok(first) = system() else {
            return; // A machine without root certificates has none to share.
        };
        assert!(Arc::ptr_eq(&first, &system().unwrap()));
    }
}
