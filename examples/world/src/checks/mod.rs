//! What the oracle checks, and when.
//!
//! `request` is called for each request of a program, `checkpoint` and `dead_letters` when one of these files has changed, `settlement`
//! when a 200 or a deletion says that an event is settled, `liveness` while the world waits for its end, and `completion` at that end.

mod checkpoint;
mod completion;
mod dead_letters;
mod liveness;
mod request;
mod settlement;

pub(crate) use checkpoint::{check_checkpoint, check_position, read_checkpoint};
pub(crate) use completion::check_completion;
pub(crate) use dead_letters::{
    Letter, check_dead_letters, count_queue_dead_letters, durable_dead_letters,
};
pub(crate) use liveness::{check_quiet, unsettled};
pub(crate) use request::{check_request, contains_secret};
pub(crate) use settlement::{check_group_order, check_settled, kept_unreadable};
