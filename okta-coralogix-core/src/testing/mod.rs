//! What tests and benches of sources, sinks and mappings need. Feature `testing`.

mod clock;
pub mod conformance;
mod generator;
mod log_capture;
mod memory_objects;
mod memory_sink;
mod memory_source;
mod memory_stores;
#[doc(hidden)]
pub mod reference;

pub use clock::TestClock;
pub use generator::{EventGenerator, GeneratedEvent, Script, page_of};
pub use log_capture::LogCapture;
pub use memory_objects::{MemoryObjects, ObjectCall, ObjectFault, StoredPut};
pub use memory_sink::{MemorySink, SinkFault};
pub use memory_source::MemorySource;
pub use memory_stores::{MemoryCheckpoint, MemoryDeadLetters};
