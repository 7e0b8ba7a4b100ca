#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[macro_use]
mod debug_by_name;

#[cfg(feature = "pipeline")]
mod backoff;
#[cfg(feature = "pipeline")]
pub mod checkpoint;
mod clock;
#[cfg(feature = "pipeline")]
mod clock_offset;
#[cfg(feature = "pipeline")]
pub mod dead_letter;
#[cfg(feature = "pipeline")]
mod delivery;
#[cfg(feature = "fs")]
mod disk;
mod entry;
mod error;
pub mod event;
#[cfg(feature = "pipeline")]
mod fan_out;
pub mod filter;
#[cfg(feature = "pipeline")]
mod healing;
#[doc(hidden)]
pub mod internal;
#[cfg(feature = "pipeline")]
mod interrupts;
mod json;
#[cfg(feature = "pipeline")]
mod lease;
pub mod mapping;
#[cfg(feature = "pipeline")]
pub mod observe;
#[cfg(feature = "pipeline")]
pub mod pipeline;
#[cfg(feature = "pipeline")]
mod reload;
#[cfg(feature = "pipeline")]
mod remote_record;
mod secret;
mod secret_form;
#[cfg(feature = "pipeline")]
pub mod sink;
#[cfg(feature = "pipeline")]
mod source;
#[cfg(feature = "pipeline")]
mod stall;
#[cfg(feature = "testing")]
pub mod testing;
pub mod text;
mod text_file;
#[cfg(feature = "pipeline")]
pub mod transport;

pub use clock::{Clock, SystemClock};
#[cfg(feature = "pipeline")]
pub use clock_offset::{ClockOffset, SharedClockOffset};
#[cfg(feature = "pipeline")]
pub use delivery::{AckOrder, Acker, Delivery, Detached, Outcome};
pub use entry::{EntryText, InvalidEntry, LogEntry, Names, Severity, write_json_array};
pub use error::{Error, ErrorKind, Result, RetryHint};
pub use event::LogEvent;
pub use event::malformed_event::MalformedEvent;
pub use event::origin::Origin;
pub use event::raw::RawEvent;
#[cfg(feature = "pipeline")]
pub use fan_out::{Branch, fan_out};
#[cfg(feature = "pipeline")]
pub use healing::HealingSource;
pub use json::string::JsonString;
#[cfg(feature = "pipeline")]
pub use lease::{Lease, LeaseLost};
pub use mapping::Mapping;
pub use mapping::coralogix::CoralogixMapping;
#[cfg(feature = "pipeline")]
pub use pipeline::Pipeline;
#[cfg(feature = "pipeline")]
pub use pipeline::summary::Summary;
pub use secret::Secret;
#[cfg(feature = "pipeline")]
pub use sink::LogSink;
#[cfg(feature = "pipeline")]
pub use source::{AnswerCounter, EventSource};
