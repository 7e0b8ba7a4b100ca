//! The contracts of sources, sinks, checkpoint stores and dead letters, as checks that every adapter and every wrapper runs.
//!
//! Each check panics with what was violated, and names the numbered rule in the documentation of the trait. They run under paused
//! time or real time alike. What a suite cannot make happen (a remote that answers late, a disk that loses power) it does not
//! check: the rules hold there too.

mod checkpoint_store;
mod dead_letters;
mod rule;
mod scripted_checkpoint;
mod sink;
mod source;

pub use checkpoint_store::checkpoint_store;
pub use dead_letters::{DeadLettersUnderTest, dead_letters};
pub use rule::Rule;
pub use sink::{Answer, SinkUnderTest, sink, sink_that_accepts_everything};
pub use source::{SourceUnderTest, source, source_without_restart};
