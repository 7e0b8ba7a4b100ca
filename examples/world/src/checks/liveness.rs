//! A world without faults catches up, and is quiet then.

use std::time::Duration;

use tokio::time::sleep;

use super::{count_queue_dead_letters, durable_dead_letters, kept_unreadable};
use crate::env::Env;
use crate::fault::{Incident, OrgBehavior, Seam};
use crate::plan::Route;

/// How long a world is watched once all is settled.
const QUIET_TIME: Duration = Duration::from_secs(120);

/// The longest wait that a remote can ask for: a request whose events were handed back may still rest so long.
const LONGEST_WAIT: Duration = Duration::from_secs(121);

/// The poll interval of the programs.
const POLL_INTERVAL: Duration = Duration::from_secs(30);

/// What is not settled yet.
pub(crate) fn unsettled(env: &Env) -> Vec<String> {
    let mut unsettled = Vec::new();
    let count = env.events.len();
    let kept = kept_unreadable(env);
    match env.plan.route {
        Route::Pull => {
            let position = env.oracle().checkpoints.position;
            if position < count {
                unsettled.push(format!("the position is {position} of {count}"));
            }
        }
        Route::Http => {
            let pushed = env.state().pushed;
            let bodies = env.bodies.len();
            if pushed < bodies {
                unsettled.push(format!("EventBridge is done with {pushed} of {bodies}"));
            }
        }
        Route::Sqs => {
            let depth = env.simulators.queue.depth_now();
            if depth.visible + depth.in_flight > kept.len() as u64 {
                unsettled.push(format!("the queue holds {depth:?}"));
            }
        }
    }
    let dead_letters = durable_dead_letters(env);
    count_queue_dead_letters(env);
    let oracle = env.oracle();
    let is_kept = |index: &usize| kept.iter().any(|body| body.contains(index));
    let expected = (0..count).filter(|index| !is_kept(index));
    let events = expected.filter_map(|index| oracle.check_settled(index, &dead_letters).err());
    unsettled.extend(events);
    unsettled
}

/// A quiet org is polled once per interval, and nothing is sent any more.
pub(crate) async fn check_quiet(env: &Env) {
    let polls = || {
        env.faults()
            .activity()
            .exchanges
            .get(&Seam::Okta)
            .copied()
            .unwrap_or(0)
    };
    let requests = || env.oracle().requests.len();
    let outstanding = || env.faults().outstanding();
    let (polls, sent) = loop {
        let outstanding_before = outstanding();
        sleep(LONGEST_WAIT).await;
        let (polls_before, requests_before) = (polls(), requests());
        sleep(QUIET_TIME).await;
        // A fault that is planned for a late exchange may still have come: then the world is watched for longer.
        if outstanding() == outstanding_before {
            break (polls() - polls_before, requests() - requests_before);
        }
    };
    let expected = QUIET_TIME.as_secs() / POLL_INTERVAL.as_secs();
    // An empty page whose link moves is followed three times a poll.
    let moves = |incident| incident == Incident::Org(OrgBehavior::MovingLinks);
    let per_poll = match env.plan.incidents().any(|(_, incident)| moves(incident)) {
        true => 4,
        false => 1,
    };
    let max = per_poll * (expected + 2);
    if polls > max {
        env.violation(format!(
            "{polls} requests to a quiet org in {QUIET_TIME:?}, at most {max} are expected"
        ));
    }
    if env.plan.route == Route::Pull && polls < expected - 1 {
        env.violation(format!(
            "only {polls} requests to a quiet org in {QUIET_TIME:?}"
        ));
    }
    if sent > 0 {
        env.violation(format!("{sent} requests to the ingress without an event"));
    }
}
