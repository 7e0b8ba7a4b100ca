//! `eventbridge_sqs` as a process.

mod endings;
mod kill;
mod moto;
mod replicas;
pub(crate) mod world;
