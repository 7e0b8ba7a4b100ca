#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod api_key;
#[cfg(feature = "query")]
pub mod audit;
mod builder;
mod clock_probe;
mod compress;
mod config;
mod domain;
mod encode;
mod endpoint;
mod endpoint_error;
#[cfg(feature = "query")]
pub mod query;
mod region;
mod sink;
mod status;
mod transport;
mod truncate;

#[cfg(feature = "simulator")]
pub mod simulator;

pub use builder::CoralogixSinkBuilder;
pub use compress::{Compression, GzipLevel};
pub use config::{
    CoralogixConfig, DEFAULT_REQUEST_BYTES, DEFAULT_REQUEST_ENTRIES, DEFAULT_TIMEOUT,
    MAX_REQUEST_BYTES,
};
pub use endpoint::Endpoint;
pub use endpoint_error::EndpointError;
pub use region::Region;
pub use sink::CoralogixSink;
