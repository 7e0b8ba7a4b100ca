//! The HTTP client of the SDK, with the root certificates of `AWS_CA_BUNDLE` or of the profile's `ca_bundle` if one is set. The SDK
//! for Rust itself reads neither.

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::Path;

use aws_config::profile;
use aws_sdk_sqs::config::SharedHttpClient;
use aws_smithy_http_client::{Builder, tls};
use aws_types::os_shim_internal::{Env, Fs};
use okta_coralogix_core::{Error, Result};
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::causes::last_words;

const VARIABLE: &str = "AWS_CA_BUNDLE";
const PROFILE_KEY: &str = "ca_bundle";

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// A file of certificates, and the setting that names it.
struct Bundle {
    setting: Cow<'static, str>,
    path: OsString,
}

/// As with the AWS tools, the certificates of the file replace the system's.
///
/// # Errors
/// `Config` if `AWS_CA_BUNDLE` or the profile's `ca_bundle` names no file with a certificate.
pub(super) async fn http_client() -> Result<SharedHttpClient> {
    let provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc);
    let builder = Builder::new().tls_provider(provider);
    let Some(bundle) = Bundle::find().await else {
        return Ok(builder.build_https());
    };
    let store = tls::TrustStore::empty().with_pem_certificate(bundle.read()?);
    let context = tls::TlsContext::builder().with_trust_store(store).build();
    let context = context.map_err(|error| {
        let detail = format!("cannot be used: {error}; write the path of a PEM file");
        Error::config(&bundle.setting, detail)
    })?;
    Ok(builder.tls_context(context).build_https())
}

impl Bundle {
    /// As with the AWS tools, the variable wins over the profile, and the profile is the one of `AWS_PROFILE`, else `default`.
    async fn find() -> Option<Self> {
        if let Some(path) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
            return Some(Self {
                setting: VARIABLE.into(),
                path,
            });
        }
        let (files, variables, default) = (Fs::real(), Env::real(), Default::default());
        let profiles = profile::load(&files, &variables, &default, None).await;
        let profiles = profiles
            .map_err(|error| {
                let cause = last_words(&error);
                tracing::warn!(
                    "the AWS profile cannot be read ({cause}), and its {PROFILE_KEY} is not used; correct the file, or set {VARIABLE}"
                );
            })
            .ok()?;
        let path = profiles.get(PROFILE_KEY).filter(|path| !path.is_empty())?;
        Some(Self {
            setting: format!(
                "{PROFILE_KEY} of the AWS profile {}",
                profiles.selected_profile()
            )
            .into(),
            path: path.into(),
        })
    }

    fn read(&self) -> Result<String> {
        let wrong = |problem: String| {
            let path = Path::new(&self.path).display();
            let detail = format!(
                "is {path}, {problem}; write the path of a PEM file with the certificates of the authorities"
            );
            Error::config(&self.setting, detail)
        };
        let text = std::fs::read(&self.path)
            .map_err(|error| wrong(format!("which cannot be read ({error})")))?;
        let (usable, refused) = usable_certificates(&String::from_utf8_lossy(&text));
        if usable.is_empty() {
            return Err(wrong("which has no certificate that can be used".into()));
        }
        if refused > 0 {
            tracing::warn!(
                certificates = refused,
                "certificates of {} cannot be used and are left out",
                self.setting
            );
        }
        Ok(usable)
    }
}

/// The certificates of a PEM file that can be roots: the SDK panics at another one. What is between them is left
/// out. With the number of those that cannot.
fn usable_certificates(pem: &str) -> (String, usize) {
    let blocks = pem.split(BEGIN).skip(1).filter_map(|rest| {
        let (body, _) = rest.split_once(END)?;
        Some(format!("{BEGIN}{body}{END}\n"))
    });
    let (usable, refused): (Vec<_>, Vec<_>) = blocks.partition(|block| {
        let certificate = CertificateDer::from_pem_slice(block.as_bytes());
        certificate.is_ok_and(|certificate| RootCertStore::empty().add(certificate).is_ok())
    });
    (usable.concat(), refused.len())
}
