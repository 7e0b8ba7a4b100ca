//! What may be resumed from, and who commits it.
//!
//! [`resume::Position`] says where the source goes on; [`committer::Committer`] commits the [`cursor::Cursor`] behind settled pages.
//! Uses `api`; knows nothing of `auth`, `poll` and `metrics`.

pub(crate) mod acker;
pub(crate) mod committer;
pub(crate) mod cursor;
pub(crate) mod identity;
pub(crate) mod link_cycle;
pub(crate) mod page_request;
pub(crate) mod resume;
pub(crate) mod start;
