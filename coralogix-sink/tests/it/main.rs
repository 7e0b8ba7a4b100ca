//! Behaviour of the sink against the simulator: in memory under paused time, and over real sockets.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]
#![expect(
    clippy::print_stdout,
    reason = "some tests print the figures that they hold to a bound"
)]

mod adversary;
mod audit;
mod check;
mod clock_probe;
mod conformance;
mod entries;
mod framing;
mod memory;
mod pipeline;
mod query;
mod requests;
mod round_trip;
mod secrets;
mod simulator;
mod slow_upload;
mod sockets;
mod statuses;
mod truncate;
