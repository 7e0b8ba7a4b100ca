#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod api;
mod auth;
mod backfill;
mod builder;
mod client;
mod config;
mod metrics;
mod poll;
mod position;
#[cfg(feature = "simulator")]
pub mod simulator;
mod source;

pub use api::{OrgUrl, OrgUrlError};
pub use auth::{
    ApiToken, ApiTokenError, Credentials, PrivateKey, PrivateKeyError, ServiceApp, ServiceAppError,
    SigningAlgorithm,
};
pub use backfill::Backfill;
pub use builder::OktaSourceBuilder;
pub use config::{Since, StartPoint};
pub use metrics::{MetricsSnapshot, SourceMetrics};
pub use position::StoredPosition;
pub use source::OktaSource;
