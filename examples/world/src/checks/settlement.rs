//! An event is settled before EventBridge or the queue forgets it.

use std::ops::Range;

use super::{count_queue_dead_letters, durable_dead_letters};
use crate::env::Env;

/// Checks the events of a body that will not be given to a program again: this process has said so.
pub(crate) fn check_settled(env: &Env, process: u32, number: usize, why: &str) {
    let dead_letters = durable_dead_letters(env);
    count_queue_dead_letters(env);
    let mut oracle = env.oracle();
    for index in env.bodies[number].clone() {
        oracle.settled_by(index, process);
        if let Err(what) = oracle.check_settled(index, &dead_letters) {
            oracle.violation(format!("event {index} is {why}, and {what}"));
        }
    }
}

/// The bodies without an event that may be in the queue at the end.
pub(crate) fn kept_unreadable(env: &Env) -> Vec<Range<usize>> {
    let oracle = env.oracle();
    let kept = |body: &&Range<usize>| oracle.is_kept_unread(body);
    env.bodies.iter().filter(kept).cloned().collect()
}

/// Checks the messages ahead of one in its message group: a message is deleted after those.
pub(crate) fn check_group_order(env: &Env, number: usize) {
    let group = |number| env.plan.queue.group(number);
    if group(number).is_none() {
        return;
    }
    let dead_letters = durable_dead_letters(env);
    let mut oracle = env.oracle();
    let ahead = (0..number).filter(|&ahead| group(ahead) == group(number));
    for index in ahead.flat_map(|ahead| env.bodies[ahead].clone()) {
        if let Err(what) = oracle.check_settled(index, &dead_letters) {
            oracle.violation(format!(
                "event {index} is passed by message {number} of its group, and {what}"
            ));
        }
    }
}
