//! `eventbridge_http` as a process.

mod endings;
mod kill;
mod ministack;
pub(crate) mod program;
mod routes;
