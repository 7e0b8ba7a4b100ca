//! Shrinks a world with a violation to a smaller one.

use crate::plan::Plan;
use crate::run::run;

/// Leaves out one fault after the other, then events from the end, while there is still a violation.
#[must_use]
pub fn shrink(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    let mut index = 0;
    while index < plan.faults.len() {
        let mut smaller = plan.clone();
        smaller.faults.remove(index);
        match fails(&smaller) {
            true => plan = smaller,
            false => index += 1,
        }
    }
    let mut step = plan.arrivals.len() / 2;
    while step > 0 {
        let mut smaller = plan.clone();
        let left = plan.arrivals.len().saturating_sub(step);
        smaller.arrivals.truncate(left);
        match left > 0 && fails(&smaller) {
            true => plan = smaller,
            false => step /= 2,
        }
    }
    plan
}

fn fails(plan: &Plan) -> bool {
    !run(plan, false).violations.is_empty()
}
