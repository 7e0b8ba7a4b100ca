//! The endpoint for API destinations.

mod adversary;
mod answers;
mod credentials;
mod harness;
mod outages;
mod rate;
mod settings;
mod shutdown;
mod socket;
