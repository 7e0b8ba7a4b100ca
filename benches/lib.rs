//! Input, our path and the naive path, as all benches use them.
//!
// Only for documentation, so that a change of the page rebuilds nothing else.
#![cfg_attr(doc, doc = include_str!("README.md"))]

mod bodies;
mod corpus;
mod equality;
mod input;
mod memory_endpoints;
mod naive;
mod ours;
mod shape;

pub use bodies::Bodies;
pub use corpus::corpus_page;
pub use equality::assert_same;
pub use input::{ENVELOPE_HOST, PAGE_EVENTS, PAGE_HOST, envelopes, now, page_with_spaced, pages};
pub use memory_endpoints::{MemoryPages, memory_sink};
pub use naive::Naive;
pub use ours::{Ours, mapping};
pub use shape::{SCRIPTS, SIZES, Shape};
