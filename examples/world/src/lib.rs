#![doc = include_str!("../README.md")]

mod batch;
mod checks;
mod dead_letters;
mod env;
mod event;
pub mod exhaustive;
mod fakes;
mod fault_injector;
mod log_capture;
mod oracle;
mod plan;
mod process;
mod program;
mod random;
mod report;
mod run;
mod schedule;
mod shrink;
mod signal;
mod trace;

pub use batch::{Batch, Failure, run_batch};
pub use plan::{
    Arrival, DiskFault, EventKind, Fault, Incident, NetFault, Plan, QueueKind, Route, Seam,
    Settings,
};
pub use random::world;
pub use report::report;
pub use run::{Busy, Outcome, liveness_timeout, run};
pub use shrink::shrink;
