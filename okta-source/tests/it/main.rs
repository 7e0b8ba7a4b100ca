//! The source against a simulated org: in memory under paused time, and a little over a real socket.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod adversary;
mod auth;
mod backfill;
mod budget;
mod clocks;
mod commits;
mod conformance;
mod day;
mod faults;
mod formats;
mod framing;
mod gateway;
mod going_back;
mod harness;
mod link_cycles;
mod links;
mod log_end;
mod messages;
mod metrics;
mod moves;
mod overlap;
mod polling;
mod queries;
mod random_order;
mod range_end;
mod rate;
mod remembering;
mod requests;
mod rereads;
mod rewinds;
mod secrets;
mod settings;
mod simulator;
mod small_errors;
mod socket;
