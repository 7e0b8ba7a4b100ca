//! Events from an SQS queue: EventBridge rule → SQS → [`SqsSource`]. Feature `sqs`.

mod acker;
mod aws;
mod builder;
mod environment;
mod held;
mod keeper;
mod queue;
mod refusal;
mod shared;
#[cfg(feature = "simulator")]
pub mod simulator;
mod source;

pub use aws::AwsQueue;
pub use builder::SqsSourceBuilder;
pub use environment::client_from_env;
pub use keeper::Returned;
pub use queue::{Depth, Facts, Message, Queue, Received, Refused, VisibilityChange};
pub use source::SqsSource;
