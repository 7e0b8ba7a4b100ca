//! `eventbridge_sqs` as a process.

mod credentials;
mod exit_status;
pub(crate) mod harness;
mod front;
mod kill;
mod moto;
mod replicas;
mod start;
mod tls_front;
