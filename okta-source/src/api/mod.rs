//! Okta's protocol: address, parameters, headers, limits, errors and clock. Nothing here sends or stores.
//!
//! Depends on no other room.

pub(crate) mod advice;
pub(crate) mod error;
pub(crate) mod interception;
pub(crate) mod judged;
pub(crate) mod link_header;
pub(crate) mod org_clock;
pub(crate) mod org_url;
pub(crate) mod page_size;
pub(crate) mod query;
pub(crate) mod rate_limit;
pub(crate) mod retry_headers;

pub use org_url::{OrgUrl, OrgUrlError};
