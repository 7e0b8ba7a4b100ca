//! Realistic System Log events from a seed.

mod client;
mod debug;
mod event_generator;
mod parts;
mod words;
mod writer;

pub use event_generator::{EventGenerator, GeneratedEvent, Script, page_of};
