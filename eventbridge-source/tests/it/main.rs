//! The envelope, over documents as EventBridge and its users make them.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may fail by a panic and show its figures"
)]

mod envelope;
mod event;
mod forms;
mod http;
mod refused;
mod slices;
