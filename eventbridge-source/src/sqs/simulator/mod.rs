//! An SQS queue to test against: in memory on tokio's time, or on a loopback socket that the AWS SDKs can talk to.
//!
//! It models visibility, long polls, receive counts, redrive, message groups, stale receipt handles, and failures of single entries of a
//! batch, delays, and counts that are late. It does not model the distribution of a real queue: a receive always finds a visible message.

mod attributes;
mod model;
mod queue;
mod server;

pub use super::queue::{Depth, FailedEntry, Message, Queue, Received, VisibilityChange};
pub use queue::{Call, SqsSimulator, SqsSimulatorBuilder, StaleHandle};
pub use server::SqsServer;
