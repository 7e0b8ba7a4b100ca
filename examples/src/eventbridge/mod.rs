//! The programs of the EventBridge route.

mod envelopes;
pub mod http;
#[cfg(feature = "lambda")]
pub mod lambda;
mod settings;
#[cfg(feature = "sqs")]
pub mod sqs;
