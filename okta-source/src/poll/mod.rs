//! One request, and what its answer means.
//!
//! Uses `api`, `auth` (through the client) and the cursor and requests of `position`; knows nothing of `metrics`.

pub(crate) mod page;
pub(crate) mod poller;
pub(crate) mod reread;
