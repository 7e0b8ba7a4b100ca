#![doc = include_str!("../README.md")]

mod builder;
mod compress;
mod config;
mod dated;
mod domain;
mod encode;
mod endpoint;
mod error;
mod region;
mod response;
mod shed;
mod sink;

#[cfg(feature = "simulator")]
pub mod simulator;

pub use builder::CoralogixSinkBuilder;
pub use compress::{Compression, GzipLevel};
pub use config::{
    CEILING_MAX_BYTES, CoralogixConfig, DEFAULT_MAX_BYTES, DEFAULT_MAX_ENTRIES, DEFAULT_TIMEOUT,
};
pub use endpoint::Endpoint;
pub use error::EndpointError;
pub use region::Region;
pub use sink::CoralogixSink;
