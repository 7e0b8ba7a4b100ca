//! Behaviour of the core crate.

mod conformance;
mod faulty_disk;
mod file_checkpoint;
mod file_dead_letters;
mod generator;
mod mapping;
mod model;
mod page;
mod pipeline;
