//! The pipeline between a source and a sink in memory, under paused time.

mod ages;
mod blocked;
mod chaos;
mod closing;
mod copies;
mod dispositions;
mod drain;
mod faults;
mod filters;
mod give_up;
pub(crate) mod harness;
mod interceptions;
mod leases;
mod logged;
mod not_debug;
mod observed;
mod refusals;
mod restamp;
mod splitting;
mod suspects;
mod timing;
mod writers;
