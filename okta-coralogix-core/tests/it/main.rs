//! Behaviour of the crate as its users see it.

mod generator;
mod model;
