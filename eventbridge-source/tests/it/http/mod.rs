//! The endpoint for API destinations.

mod answers;
mod credentials;
mod outages;
mod rate;
mod settings;
mod world;
