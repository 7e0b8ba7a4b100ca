//! The oracle: it knows every event, sees whatever passes a seam, and says what is wrong.

mod repeats;
mod request;
pub(crate) mod request_log;
mod settlement;
mod state;

pub(crate) use state::{MAX_BYTES, Oracle, RequestId, needs_dead_letter};
