//! Other ways from the bytes of a page to request bodies, each as fast and as safe as its library allows.
//!
//! `benches/README.md` says where the comparison is not fair.

pub mod allocations;
mod ours;
mod peer;
mod typed;
mod values;
mod vrl;

pub use peer::{Peer, Visit, visit_all};
