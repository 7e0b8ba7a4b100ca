//! Sends one request, and reads its answer.
//!
//! Uses `api`, `auth` (through the client) and the cursor and requests of `position`; is independent of `metrics`.

pub(crate) mod doubt;
pub(crate) mod pace;
pub(crate) mod page;
pub(crate) mod poller;
pub(crate) mod reread;
