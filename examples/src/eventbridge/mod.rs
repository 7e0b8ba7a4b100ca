//! The programs of the EventBridge route.

mod envelopes;
pub mod http;
pub mod lambda;
mod settings;
pub mod sqs;
