//! What may be resumed from, and who commits it.
//!
//! Uses `api`; knows nothing of `auth`, `poll` and `metrics`.

pub(crate) mod acker;
pub(crate) mod committer;
pub(crate) mod cursor;
pub(crate) mod identity;
pub(crate) mod link_cycle;
pub(crate) mod start;
