//! The envelope, over documents as EventBridge and its users make them, and the receivers.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may fail by a panic and show its figures"
)]

mod body;
mod byte_identity;
mod envelope;
mod event;
mod http;
#[cfg(feature = "lambda")]
mod lambda;
mod malformed_envelopes;
mod refused_content;
#[cfg(feature = "sqs")]
mod sqs;
