//! Events from an SQS queue: EventBridge rule → SQS → [`SqsSource`]. Feature `sqs`.

mod acker;
mod aws;
mod builder;
#[cfg(feature = "reqwest")]
mod ca_bundle;
mod causes;
mod consumer;
mod credentials;
mod credentials_error;
mod delete;
mod environment;
mod error;
mod hand_back;
mod http_client;
mod in_flight;
mod prefetch;
mod queue;
mod queue_url;
mod setup;
#[cfg(feature = "simulator")]
pub mod simulator;
mod source;
mod unreadable;
mod visibility;

pub use aws::AwsQueue;
pub use builder::SqsSourceBuilder;
pub use http_client::http_client;
pub use queue::QueueAttributes;
pub use setup::{Encryption, QueueSetup, Redrive};
pub use source::SqsSource;
pub use visibility::DrainHandle;
