//! The source against a simulated org: in memory under paused time, and a little over a real socket.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod auth;
mod clocks;
mod commits;
mod conformance;
mod faults;
mod links;
mod polling;
mod rate;
mod secrets;
mod settings;
mod simulator;
mod socket;
mod walk;
mod world;
