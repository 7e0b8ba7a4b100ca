//! Dead letters as a source of events.

mod account;
mod acker;
mod file;
mod lines;
mod source;

pub use source::DeadLetterSource;
