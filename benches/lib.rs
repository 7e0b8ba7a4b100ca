//! Input, our path and the naive path, as all benches use them.
//!
// Only for documentation, so that a change of the page rebuilds nothing else.
#![cfg_attr(doc, doc = include_str!("README.md"))]

mod agree;
mod bodies;
mod corpus;
mod ends;
mod input;
mod naive;
mod ours;
mod shape;

pub use agree::assert_same;
pub use bodies::Bodies;
pub use corpus::corpus_page;
pub use ends::{MemoryPages, memory_sink};
pub use input::{ENVELOPE_HOST, PAGE_EVENTS, PAGE_HOST, envelopes, now, pages};
pub use naive::Naive;
pub use ours::{Ours, mapping};
pub use shape::{SCRIPTS, SIZES, Shape};
