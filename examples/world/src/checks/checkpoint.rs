//! The stored position is never ahead of what is settled.

use std::path::Path;

use super::durable_dead_letters;
use crate::env::{CHECKPOINT, Env};

/// Checks a checkpoint that a process has just stored.
pub(crate) fn check_checkpoint(env: &Env, process: u32) {
    read(env, true);
    env.oracle().position_stored_by(process);
    check_position(env);
}

/// Checks the events before the stored position.
pub(crate) fn check_position(env: &Env) {
    let dead_letters = durable_dead_letters(env);
    let mut oracle = env.oracle();
    let position = oracle.checkpoints.position;
    for index in 0..position.min(env.events.len()) {
        if let Err(what) = oracle.check_settled(index, &dead_letters) {
            oracle.violation(format!("the position is {position}, and {what}"));
        }
    }
}

/// Reads the stored checkpoint before a process starts or after it has ended. Returns the number of committed events.
pub(crate) fn read_checkpoint(env: &Env) -> usize {
    read(env, false);
    env.oracle().checkpoints.committed
}

fn read(env: &Env, replaced: bool) {
    let stored = env.disk().read(Path::new(CHECKPOINT)).map(<[u8]>::to_vec);
    let mut oracle = env.oracle();
    let position_of = |link: &str| env.simulators.org.position(link);
    if !oracle
        .checkpoints
        .read(stored.as_deref(), replaced, position_of)
    {
        oracle.violation("the checkpoint is torn");
    }
}
