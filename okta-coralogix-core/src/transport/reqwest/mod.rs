//! The HTTP client of the adapters, unless another transport is given.

mod client;
mod connections;
mod explain;
mod proxy;
#[cfg(test)]
mod tests;
mod tls;
mod tls_error;
mod upload;

pub use client::{ReqwestTransport, ReqwestTransportBuilder};
pub use proxy::ProxySettings;
