#![doc = include_str!("../README.md")]

mod account;
mod ack;
mod advice;
mod again;
mod attempts;
mod auth;
mod backfill;
mod builder;
mod client;
mod config;
mod cursor;
mod error;
mod freshness;
mod identity;
mod link;
mod options;
mod org;
mod pace;
mod page;
mod page_size;
mod poll;
mod progress;
mod query;
mod rate;
mod recent;
#[cfg(feature = "simulator")]
pub mod simulator;
mod source;
mod start;
mod trail;

pub use auth::{
    ApiToken, ApiTokenError, Credentials, PrivateKey, PrivateKeyError, ServiceApp, ServiceAppError,
    SigningAlgorithm,
};
pub use backfill::Backfill;
pub use builder::OktaSourceBuilder;
pub use config::Since;
pub use freshness::{Figures, Freshness};
pub use org::{OrgUrl, OrgUrlError};
pub use source::OktaSource;
