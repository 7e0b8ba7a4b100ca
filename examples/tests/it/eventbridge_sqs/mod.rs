//! `eventbridge_sqs` as a process.

mod ca_bundle;
mod credentials;
mod exit_status;
mod front;
pub(crate) mod harness;
mod kill;
mod moto;
mod replicas;
mod start;
mod tls_front;
