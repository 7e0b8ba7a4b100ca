//! The envelope, over documents as EventBridge and its users make them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod envelope;
mod event;
mod forms;
#[cfg(feature = "lambda")]
mod lambda;
mod refused;
mod slices;
#[cfg(feature = "sqs")]
mod sqs;
