//! What tests and benches of sources, sinks and mappings need. Feature `testing`.

mod generator;

pub use generator::{EventGenerator, GeneratedEvent, Script, page_of};
