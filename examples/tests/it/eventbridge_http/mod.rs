//! `eventbridge_http` as a process.

mod connections;
mod exit_status;
pub(crate) mod harness;
mod kill;
mod ministack;
mod routes;
