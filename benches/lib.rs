#![doc = include_str!("README.md")]

mod agree;
mod input;
mod naive;
mod ours;

pub use agree::assert_same;
pub use input::{PAGE_EVENTS, now, pages};
pub use naive::Naive;
pub use ours::Ours;
