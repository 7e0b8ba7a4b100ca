//! `eventbridge_http` as a process.

mod endings;
mod ministack;
mod program;
mod routes;
