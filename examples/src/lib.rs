//! What the runnable programs are made of.

#[doc = include_str!("../../README.md")]
mod readme {}

pub mod audit;
pub mod eventbridge;
pub mod program;
pub mod pull;
pub mod replay;
pub mod service_logs;
