//! Dead letters as a source of events.

mod account;
mod acker;
mod count;
mod file;
mod lines;
mod source;

pub use count::LetterCounts;
pub use source::DeadLetterSource;
