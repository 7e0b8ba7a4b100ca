//! Behaviour of the crate as its users see it.

mod faulty_disk;
mod file_checkpoint;
mod file_dead_letters;
mod generator;
mod model;
mod page;
