//! The oracle: it knows every event, is told of everything that passes a seam, and records each violation.
//!
//! `state` is what it knows. `request` judges a request to the ingress before it is sent, `remote` what
//! the answers so far forbid, `request_log` remembers what became of it,
//! `checkpoints` interprets what is stored, `settlement` says whether an event may be forgotten, `process_end` judges a process that
//! has ended and `repeats` what arrived more than once.

mod blocked;
mod checkpoints;
mod counts;
mod isolation;
mod process_end;
mod remote;
mod repeats;
mod request;
mod request_log;
mod settlement;
mod state;

pub(crate) use remote::Asked;
pub(crate) use request_log::{EMPTY_BATCH, RequestId, RequestState};
pub(crate) use state::{MAX_BYTES, Oracle};
