//! Okta System Log events: the bytes as they came, the head that the pipeline reads, the full model.

mod fields;
pub(crate) mod head;
mod log_stream;
mod malformed_event;
mod model;
mod origin;
pub(crate) mod page;
mod raw;
pub(crate) mod scan;
mod severity;
mod time;
mod uuid;

pub use log_stream::LogStreamChange;
pub use malformed_event::{MalformedEvent, MalformedReason};
pub use model::*;
pub use origin::Origin;
pub use page::{PageEnd, PageError, SplitPage, split_page, split_whole_page};
pub use raw::RawEvent;
pub use severity::OktaSeverity;
pub use uuid::canonical_uuid;
