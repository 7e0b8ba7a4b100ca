//! Okta System Log events: the bytes as they came, the head that the pipeline reads, the full model.

mod fields;
pub(crate) mod head;
mod log_stream;
pub(crate) mod malformed_event;
mod model;
pub(crate) mod origin;
pub(crate) mod page;
pub(crate) mod raw;
pub(crate) mod scan;
mod severity;
mod time;
pub(crate) mod uuid;

pub use log_stream::LogStreamChange;
pub(crate) use malformed_event::MalformedEvent;
pub use malformed_event::MalformedReason;
pub use model::*;
pub(crate) use origin::Origin;
pub use page::{PageEnd, PageError, SplitPage, split_page, split_whole_page};
pub(crate) use raw::RawEvent;
pub use severity::OktaSeverity;
