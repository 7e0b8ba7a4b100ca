//! Other ways from the bytes of a page to request bodies, each as good as its library lets it be, and as safe.
//!
//! What is not fair to compare stands in the README one folder up.

pub mod allocations;
mod ours;
mod peer;
mod typed;
mod values;
mod vrl;

pub use peer::{Peer, Visit, visit_all};
