//! The position: where to resume, and its commits.
//!
//! [`resume::Position`] decides the next request, [`advance`] moves it behind a page. The core's `Committer` commits the
//! [`cursor::Cursor`] behind settled pages.
//! Uses `api`; is independent of `auth`, `poll` and `metrics`.

pub(crate) mod advance;
pub(crate) mod cursor;
pub(crate) mod identity;
pub(crate) mod link_cycle;
pub(crate) mod page_request;
pub(crate) mod resume;
pub(crate) mod start;
mod stored;

pub use stored::StoredPosition;
