//! What the runnable programs share.

#[doc = include_str!("../../README.md")]
mod readme {}

pub mod coralogix;
pub mod dead_letters;
pub mod demonstration;
pub mod environment;
pub mod eventbridge;
pub mod exit;
pub mod given;
pub mod progress;
pub mod pull;
pub mod pull_cost;
pub mod replay;
pub mod service_logs;
pub mod signals;
mod text_file;
