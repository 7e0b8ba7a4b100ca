//! TLS as the client uses it: the root certificates of the system, and HTTP/1.1.

use std::env::var_os;
use std::ffi::OsString;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ALL_VERSIONS, ClientConfig, Error, RootCertStore};
use rustls_platform_verifier::Verifier;

use crate::text::quote;

const WRITE_PEM: &str = "write a PEM file with lines such as `-----BEGIN CERTIFICATE-----`";

/// What all clients of the process share while one of them lives: reading the certificates takes a few milliseconds, and keeping
/// them a few hundred kilobytes.
static SHARED: Mutex<Weak<ClientConfig>> = Mutex::new(Weak::new());

/// The TLS settings of transports: the root certificates of the system, or those in their place, and those that were added.
#[derive(Debug, Default)]
pub(super) struct TlsSettings {
    added: Vec<CertificateDer<'static>>,
    in_place: Option<InPlace>,
    /// Read when the first `https` URL is used.
    config: OnceLock<Arc<ClientConfig>>,
}

/// Root certificates in place of the system's.
#[derive(Debug, Clone)]
struct InPlace {
    setting: String,
    roots: RootCertStore,
}

impl TlsSettings {
    /// With the certificates of `pem` beside the other ones.
    ///
    /// # Errors
    /// `Config`, which names `setting`, if there is none or one cannot be read.
    pub(super) fn adding(&self, setting: &str, pem: &[u8]) -> crate::Result<Self> {
        let read = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
        let added = read.map_err(|_| {
            let detail = format!("a certificate in it cannot be read; {WRITE_PEM}");
            crate::Error::config(setting, detail)
        })?;
        if added.is_empty() {
            return Err(no_certificate(setting));
        }
        for (n, certificate) in added.iter().enumerate() {
            if RootCertStore::empty().add(certificate.clone()).is_err() {
                let detail = format!("certificate {} in it is damaged; export it again", n + 1);
                return Err(crate::Error::config(setting, detail));
            }
        }
        Ok(Self {
            added: [&self.added[..], &added].concat(),
            in_place: self.in_place.clone(),
            config: OnceLock::new(),
        })
    }

    /// With the certificates of `pem` in place of the system's. Those that cannot be used are left out: a bundle of all authorities in
    /// use may have an old one among them.
    ///
    /// # Errors
    /// `Config`, which names `setting`, if there is none that can be used.
    pub(super) fn in_place_of_system(&self, setting: &str, pem: &[u8]) -> crate::Result<Self> {
        let mut roots = RootCertStore::empty();
        let mut refused = 0;
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let is_used = certificate.is_ok_and(|certificate| roots.add(certificate).is_ok());
            refused += usize::from(!is_used);
        }
        if roots.is_empty() {
            return Err(no_certificate(setting));
        }
        if refused > 0 {
            tracing::warn!(
                certificates = refused,
                "certificates of {setting} cannot be used and are left out"
            );
        }
        let setting = setting.to_owned();
        Ok(Self {
            added: self.added.clone(),
            in_place: Some(InPlace { setting, roots }),
            config: OnceLock::new(),
        })
    }

    #[cfg(test)]
    pub(super) fn fixed(config: ClientConfig) -> Self {
        Self {
            config: Arc::new(config).into(),
            ..Self::default()
        }
    }

    /// # Errors
    /// If there are no root certificates.
    pub(super) fn config(&self) -> Result<&Arc<ClientConfig>, Error> {
        if let Some(config) = self.config.get() {
            return Ok(config);
        }
        let config = match (&self.in_place, &self.added[..]) {
            (Some(in_place), added) => Arc::new(with_roots(in_place.roots.clone(), added)?),
            (None, []) => system()?,
            (None, added) => Arc::new(with_added(added)?),
        };
        Ok(self.config.get_or_init(|| config))
    }

    /// How the certificates came about, for errors. `added_by`: the setting that adds some.
    pub(super) fn certificates(&self, added_by: Option<&'static str>) -> CertificateVariables {
        CertificateVariables {
            file: var_os("SSL_CERT_FILE"),
            dir: var_os("SSL_CERT_DIR"),
            added_by,
            in_place: self.in_place.as_ref().map(|roots| roots.setting.clone()),
        }
    }
}

fn no_certificate(setting: &str) -> crate::Error {
    crate::Error::config(
        setting,
        format!("it has no certificate that can be used; {WRITE_PEM}"),
    )
}

/// The TLS settings of the process, with the root certificates of the system.
///
/// # Errors
/// If the system has no root certificates.
pub(super) fn system() -> Result<Arc<ClientConfig>, Error> {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(config) = shared.upgrade() {
        return Ok(config);
    }
    let config = Arc::new(with_added(&[])?);
    *shared = Arc::downgrade(&config);
    Ok(config)
}

fn with_roots(
    mut roots: RootCertStore,
    added: &[CertificateDer<'static>],
) -> Result<ClientConfig, Error> {
    for certificate in added {
        roots.add(certificate.clone())?;
    }
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(ALL_VERSIONS)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(over_http1(config))
}

fn with_added(certificates: &[CertificateDer<'static>]) -> Result<ClientConfig, Error> {
    let provider = provider();
    let certificates = certificates.iter().cloned();
    let verifier = Verifier::new_with_extra_roots(certificates, Arc::clone(&provider))?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(ALL_VERSIONS)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(over_http1(config))
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
    /// The setting that adds certificates to the roots of the system, where the program has one.
    added_by: Option<&'static str>,
    /// The setting whose certificates are used in place of the system's.
    in_place: Option<String>,
}

impl CertificateVariables {
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

    /// How to trust one more authority.
    pub(super) fn how_to_add(&self) -> String {
        if let Some(file) = &self.in_place {
            let advice = format!(
                "add its certificate to the file of {file}, which is used in place of the roots of the system"
            );
            return match self.added_by {
                Some(setting) => format!("{advice}, or name a PEM file with it by {setting}"),
                None => advice,
            };
        }
        if let Some(setting) = self.added_by {
            return format!(
                "add its certificate to the roots of the system, or name a PEM file with it by {setting}"
            );
        }
        let advice = "add its certificate to the roots of the system, or to a PEM file that SSL_CERT_FILE names. SSL_CERT_FILE replaces the \
                      roots of the system, so its file needs all that are in use";
        let set = self.set();
        match set.is_empty() {
            true => advice.to_owned(),
            false => format!("{advice}; at present {set}"),
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
            ..none.clone()
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
            let replacement = variables.how_to_add();
            assert!(
                replacement.contains(set.trim_end_matches(", ")),
                "{replacement}"
            );
        }
    }

    #[test]
    fn setting_that_adds_certificates_is_the_advice_where_there_is_one() {
        let advice = CertificateVariables {
            added_by: Some("--ca-file"),
            ..CertificateVariables::default()
        };
        let advice = advice.how_to_add();
        assert!(advice.ends_with("by --ca-file"), "{advice}");
        assert!(!advice.contains("SSL_CERT_FILE"), "{advice}");
    }

    #[test]
    fn file_in_place_of_the_roots_of_the_system_is_the_one_to_add_to() {
        let bundle = CertificateVariables {
            in_place: Some("AWS_CA_BUNDLE (/etc/ca.pem)".into()),
            ..CertificateVariables::default()
        };
        let advice = bundle.how_to_add();
        let to_file = "add its certificate to the file of AWS_CA_BUNDLE (/etc/ca.pem), which";
        assert!(advice.starts_with(to_file), "{advice}");
        let with_setting = CertificateVariables {
            added_by: Some("--ca-file"),
            ..bundle
        };
        let advice = with_setting.how_to_add();
        assert!(advice.starts_with(to_file) && advice.ends_with("by --ca-file"));
    }

    #[test]
    fn root_certificates_are_read_once_while_a_client_lives() {
        let Ok(first) = system() else {
            return; // A machine without root certificates has none to share.
        };
        assert!(Arc::ptr_eq(&first, &system().unwrap()));
    }
}
