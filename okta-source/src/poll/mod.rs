//! One request, and what its answer means.
//!
//! Uses `api`, `auth` (through the client) and `position`; knows nothing of `metrics`.

pub(crate) mod page;
pub(crate) mod poller;
pub(crate) mod reread;
