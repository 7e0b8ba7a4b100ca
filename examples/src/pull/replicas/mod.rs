//! `--state`: several replicas of the program share the positions of their orgs, and one of them at a time reads an org.

mod check;
mod objects;
mod settings;

pub(super) use check::check_log;
pub(crate) use check::check_store;
pub use settings::ReplicaGroup;
pub(crate) use settings::SharedState;
pub(super) use settings::{STATE, audit_by_replicas, beside_a_file, check_letters, check_log_name};
