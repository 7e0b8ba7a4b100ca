//! What must hold at the end of a world that has caught up, when all processes have ended.

use super::{
    check_dead_letters, check_position, contains_secret, count_queue_dead_letters,
    durable_dead_letters, kept_unreadable, read_checkpoint,
};
use crate::env::Env;
use crate::fault::{Fault, Incident, Seam};
use crate::plan::Plan;

/// Checks everything once more.
pub(crate) fn check_completion(env: &Env) {
    read_checkpoint(env);
    check_position(env);
    check_dead_letters(env);
    count_queue_dead_letters(env);
    let dead_letters = durable_dead_letters(env);
    let kept = kept_unreadable(env);
    let mut oracle = env.oracle();
    for (index, event) in env.events.iter().enumerate() {
        let settled = oracle.check_settled(index, &dead_letters);
        if let Err(what) = settled
            && !kept.iter().any(|body| body.contains(&index))
        {
            oracle.violation(format!("in the end {what}"));
        }
        if event.kind.needs_dead_letter() && oracle.arrivals[index] > 0 {
            oracle.violation(format!("event {index} ({:?}) has arrived", event.kind));
        }
    }
    if !queue_fails(&env.plan) {
        oracle.check_repeats();
    }
    let ledger = env.simulators.ingress.ledger();
    let entries = ledger.entries().len();
    let counted: u32 = oracle.arrivals.iter().sum();
    if entries != counted as usize {
        oracle.violation(format!(
            "the ingress has {entries} entries, {counted} were counted"
        ));
    }
    if ledger.bad_shape() > 0 {
        oracle.violation("a request was not as documented");
    }
    for (path, bytes) in env.disk().files() {
        if contains_secret(bytes) {
            oracle.violation(format!("{} contains a secret", path.display()));
        }
    }
}

/// True if a message may become visible to another program while one still holds it, so that it is delivered twice.
fn queue_fails(plan: &Plan) -> bool {
    plan.faults.iter().any(|fault| {
        matches!(
            fault,
            Fault::Net(Seam::Queue, ..)
                | Fault::At(_, Incident::ShowAll | Incident::Outage(Seam::Queue, _))
        )
    })
}
