#![doc = include_str!("../README.md")]

mod book;
mod disk;
mod door;
mod event;
pub mod exhaustive;
mod happen;
mod letters;
mod life;
mod line;
mod looks;
mod many;
mod operator;
mod overheard;
mod plan;
mod platter;
mod post;
mod program;
mod random;
mod report;
mod run;
mod scene;
mod shrink;
mod signal;
mod story;
mod troubles;
mod wire;

pub use many::{Found, Many, many};
pub use plan::{
    Arrival, DiskFault, Happening, Kind, NetFault, Plan, QueueKind, Route, Seam, Settings, Trouble,
};
pub use random::world;
pub use report::report;
pub use run::{Busy, Outcome, patience, run};
pub use shrink::shrink;
