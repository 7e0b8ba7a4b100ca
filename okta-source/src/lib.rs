#![doc = include_str!("../README.md")]

mod ack;
mod auth;
mod builder;
mod client;
mod config;
mod cursor;
mod error;
mod http_transport;
mod link;
mod org;
mod page;
mod progress;
mod rate;
#[cfg(feature = "simulator")]
pub mod simulator;
mod source;
mod start;

pub use auth::{
    ApiToken, ApiTokenError, Credentials, PrivateKey, PrivateKeyError, ServiceApp, ServiceAppError,
    SigningAlgorithm,
};
pub use builder::OktaSourceBuilder;
pub use config::Since;
pub use http_transport::HttpTransport;
pub use org::{OrgUrl, OrgUrlError};
pub use source::OktaSource;
