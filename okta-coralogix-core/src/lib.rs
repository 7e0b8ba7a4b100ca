#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod backoff;
pub mod checkpoint;
mod clock;
pub mod dead_letter;
mod delivery;
pub mod disk;
mod entry;
mod error;
pub mod event;
pub mod filter;
mod interrupts;
pub mod json;
pub mod mapping;
pub mod observe;
pub mod pipeline;
mod reload;
mod remote_record;
mod secret;
pub mod sink;
mod source;
mod stall;
#[cfg(feature = "testing")]
pub mod testing;
pub mod text;
pub mod transport;

pub use clock::{Clock, ClockOffset, SharedClockOffset, SystemClock};
pub use delivery::{AckOrder, Acker, Delivery, Detached, Outcome};
pub use entry::{EntryText, LogEntry, Names, Severity};
pub use error::{Error, ErrorKind, Result, RetryHint};
pub use event::{LogEvent, MalformedEvent, Origin, RawEvent};
pub use json::string::JsonString;
pub use mapping::{CoralogixMapping, Mapping};
pub use pipeline::{Pipeline, Summary};
pub use reload::Reloadable;
pub use secret::Secret;
pub use sink::LogSink;
pub use source::{AnswerCounter, EventSource};
