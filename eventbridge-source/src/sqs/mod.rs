//! Events from an SQS queue: EventBridge rule → SQS → [`SqsSource`]. Feature `sqs`.

mod acker;
mod aws;
mod builder;
mod client;
mod consumer;
mod delete;
mod error;
mod hand_back;
mod in_flight;
mod prefetch;
mod queue;
#[cfg(feature = "simulator")]
pub mod simulator;
mod source;
mod visibility;

pub use aws::AwsQueue;
pub use builder::SqsSourceBuilder;
pub use client::client_from_env;
pub use queue::{Depth, FailedEntry, Message, Queue, QueueAttributes, Received, VisibilityChange};
pub use source::SqsSource;
pub use visibility::DrainHandle;
