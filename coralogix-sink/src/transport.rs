//! The transport of a client that is given none.

use std::sync::Arc;

use okta_coralogix_core::transport::Transport;
#[cfg(feature = "reqwest")]
use okta_coralogix_core::transport::{ProxySettings, ReqwestTransport};
use okta_coralogix_core::{Error, Secret};

/// `proxy`: its URL.
///
/// # Errors
/// `Config`, which names the setting, if the proxy is none.
#[cfg(feature = "reqwest")]
pub(crate) fn default_transport(proxy: Option<&Secret>) -> Result<Arc<dyn Transport>, Error> {
    let proxy = match proxy {
        Some(proxy) => ProxySettings::url("proxy", proxy)?,
        None => ProxySettings::direct(),
    };
    Ok(Arc::new(ReqwestTransport::builder().proxy(proxy).build()))
}

/// # Errors
/// `Config`: there is none.
#[cfg(not(feature = "reqwest"))]
pub(crate) fn default_transport(_: Option<&Secret>) -> Result<Arc<dyn Transport>, Error> {
    let detail = "is not set; give a transport, or build with the default features, which have one";
    Err(Error::config("transport", detail))
}
