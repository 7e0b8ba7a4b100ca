//! `eventbridge_sqs` as a process.

mod endings;
mod kill;
mod moto;
mod replicas;
mod world;
