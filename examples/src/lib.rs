//! What the runnable programs share.

#[doc = include_str!("../../README.md")]
mod readme {}

pub mod coralogix;
pub mod dead_letters;
pub mod environment;
pub mod exit;
pub mod progress;
pub mod pull;
pub mod service_logs;
pub mod signals;
