//! The endpoint for API destinations.

mod answers;
mod credentials;
mod harness;
mod adversary;
mod outages;
mod rate;
mod settings;
mod shutdown;
mod socket;
