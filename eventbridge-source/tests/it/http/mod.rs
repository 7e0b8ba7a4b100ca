//! The endpoint for API destinations.

mod adversary;
mod credentials;
mod harness;
mod outages;
mod rate;
mod responses;
mod settings;
mod shutdown;
mod socket;
