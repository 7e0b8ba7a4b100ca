//! The HTTP client of the adapters, unless another transport is given.

mod client;
mod connections;
mod explain;
#[cfg(test)]
mod tests;
mod tls;
mod tls_error;
mod upload;

pub use client::ReqwestTransport;
