//! The endpoint for API destinations.

mod adversary;
mod blocked;
mod credentials;
mod found;
mod harness;
mod outages;
mod outcomes;
mod rate;
mod responses;
mod settings;
mod shutdown;
mod socket;
