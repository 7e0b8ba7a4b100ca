//! An event is settled before EventBridge or the queue forgets it.

use super::{count_queue_dead_letters, durable_dead_letters};
use crate::env::Env;

/// Checks an event that will not be given to a program again.
pub(crate) fn check_settled(env: &Env, index: usize, why: &str) {
    let dead_letters = durable_dead_letters(env);
    count_queue_dead_letters(env);
    let mut oracle = env.oracle();
    if let Err(what) = oracle.check_settled(index, &dead_letters) {
        oracle.violation(format!("event {index} is {why}, and {what}"));
    }
}

/// Checks the events ahead of one in its message group: a message is deleted after those.
pub(crate) fn check_group_order(env: &Env, index: usize) {
    let group = |index| env.plan.queue.group(index);
    if group(index).is_some() {
        for ahead in (0..index).filter(|&ahead| group(ahead) == group(index)) {
            check_settled(env, ahead, &format!("passed by event {index} of its group"));
        }
    }
}
