//! The pipeline between memory ends, under paused time.

mod ages;
mod chaos;
mod copies;
mod endings;
mod faults;
mod splitting;
mod timing;
pub(crate) mod world;
