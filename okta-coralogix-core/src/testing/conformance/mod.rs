//! The contracts of sources, sinks and checkpoint stores, as checks that every adapter and every wrapper runs.
//!
//! Each check panics with what was violated. They run under paused time or real time alike.

mod checkpoint;
mod sink;
mod source;

pub use checkpoint::checkpoint_store;
pub use sink::{SinkUnderTest, sink, sink_that_accepts_everything};
pub use source::{SourceUnderTest, source};
