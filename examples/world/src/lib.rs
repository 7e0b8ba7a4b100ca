#![doc = include_str!("../README.md")]

mod batch;
mod checks;
mod env;
mod event;
pub mod exhaustive;
mod fakes;
mod fault;
mod fault_injector;
mod gateway;
mod idle_gate;
mod log_capture;
mod notifier;
mod obstacle;
mod oracle;
mod plan;
mod process;
mod program;
mod random;
mod random_obstacles;
mod report;
mod run;
mod schedule;
mod shrink;
mod trace;

pub use batch::{Batch, Failure, run_batch};
pub use fault::{DiskFault, Fault, Framing, Incident, NetFault, OrgBehavior, Seam};
pub use fault_injector::Activity;
pub use gateway::{GatewayAnswer, GatewayBody, GatewayHeader};
pub use obstacle::{FailureMode, Obstacle, Trigger};
pub use plan::{Arrival, EventKind, Plan, QueueKind, Route, Settings};
pub use random::{plain_world, world};
pub use report::report;
pub use run::{Outcome, liveness_timeout, run};
pub use shrink::shrink;
