//! The root certificates of `AWS_CA_BUNDLE`, or of the profile's `ca_bundle`, if one is set. The SDK for Rust itself reads neither.

use std::ffi::OsString;
use std::path::Path;

use aws_config::profile;
use aws_types::os_shim_internal::{Env, Fs};
use okta_coralogix_core::internal::text::{MAX_CERTIFICATE_BYTES, read_file};
use okta_coralogix_core::transport::ReqwestTransportBuilder;
use okta_coralogix_core::{Error, Result};

use super::causes::last_words;

const VARIABLE: &str = "AWS_CA_BUNDLE";
const PROFILE_KEY: &str = "ca_bundle";

/// A file of certificates, and the setting that names it.
struct Bundle {
    setting: String,
    path: OsString,
}

/// As with the AWS tools, the certificates of the file are used in place of the system's.
///
/// # Errors
/// `Config` if `AWS_CA_BUNDLE` or the profile's `ca_bundle` names no file with a certificate.
pub(super) async fn trust(transports: ReqwestTransportBuilder) -> Result<ReqwestTransportBuilder> {
    let Some(bundle) = Bundle::find().await else {
        return Ok(transports);
    };
    let path = Path::new(&bundle.path).display();
    let setting = format!("{} ({path})", bundle.setting);
    let pem = read_file(&bundle.path, MAX_CERTIFICATE_BYTES).map_err(|error| {
        let detail = format!(
            "the file cannot be read ({error}); write the path of a PEM file with the certificates of the authorities"
        );
        Error::config(&setting, detail)
    })?;
    transports.root_certificates_in_place(&setting, &pem)
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
        let profile = profiles.selected_profile();
        Some(Self {
            setting: format!("{PROFILE_KEY} of the AWS profile {profile}"),
            path: path.into(),
        })
    }
}
