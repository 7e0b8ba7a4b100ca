//! The HTTP client of the SDK, with the root certificates of `AWS_CA_BUNDLE` if that is set.

use std::path::Path;

use aws_sdk_sqs::config::SharedHttpClient;
use aws_smithy_http_client::{Builder, tls};
use okta_coralogix_core::{Error, Result};
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

const AWS_CA_BUNDLE: &str = "AWS_CA_BUNDLE";

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// As with the AWS tools, the certificates of the file replace the system's.
///
/// # Errors
/// `Config` if `AWS_CA_BUNDLE` names no file with a certificate.
pub(super) fn http_client() -> Result<SharedHttpClient> {
    let provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc);
    let builder = Builder::new().tls_provider(provider);
    let Some(path) = std::env::var_os(AWS_CA_BUNDLE).filter(|path| !path.is_empty()) else {
        return Ok(builder.build_https());
    };
    let certificates = read(Path::new(&path))?;
    let store = tls::TrustStore::empty().with_pem_certificate(certificates);
    let context = tls::TlsContext::builder().with_trust_store(store).build();
    let context = context.map_err(|error| {
        let detail = format!("cannot be used: {error}; write the path of a PEM file");
        Error::config(AWS_CA_BUNDLE, detail)
    })?;
    Ok(builder.tls_context(context).build_https())
}

fn read(path: &Path) -> Result<String> {
    let wrong = |problem: String| {
        let detail = format!(
            "is {}, {problem}; write the path of a PEM file with the certificates of the authorities",
            path.display()
        );
        Error::config(AWS_CA_BUNDLE, detail)
    };
    let text =
        std::fs::read(path).map_err(|error| wrong(format!("which cannot be read ({error})")))?;
    let usable = usable_certificates(&String::from_utf8_lossy(&text));
    if usable.is_empty() {
        return Err(wrong("which has no certificate that can be used".into()));
    }
    Ok(usable)
}

/// The certificates of a PEM file that can be roots: the SDK panics at another one. What is between them is left out.
fn usable_certificates(pem: &str) -> String {
    let blocks = pem.split(BEGIN).skip(1).filter_map(|rest| {
        let (body, _) = rest.split_once(END)?;
        Some(format!("{BEGIN}{body}{END}\n"))
    });
    let (usable, refused): (Vec<_>, Vec<_>) = blocks.partition(|block| {
        let certificate = CertificateDer::from_pem_slice(block.as_bytes());
        certificate.is_ok_and(|certificate| RootCertStore::empty().add(certificate).is_ok())
    });
    if !refused.is_empty() {
        tracing::warn!(
            certificates = refused.len(),
            "certificates of AWS_CA_BUNDLE cannot be used and are left out"
        );
    }
    usable.concat()
}
