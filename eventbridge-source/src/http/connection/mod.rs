//! A connection of the server: its phases, its timeouts, its place below the bound, and the task that serves it.

mod drive;
mod phase;
mod request;
mod stream;
mod table;

pub(super) use drive::drive;
pub(super) use phase::Timeouts;
pub(super) use table::{Connections, Slot};
