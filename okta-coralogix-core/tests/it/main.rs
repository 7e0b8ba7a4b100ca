//! Behaviour of the core crate.

mod conformance;
mod mapping;
mod pipeline;
