//! Which requests a program may take apart, and which it must.

use std::time::Duration;

use bytes::Bytes;

use super::remote::Pass;
use super::request_log::{FailureClass, LoggedRequest, RequestState};

/// How old an acceptance may be that shows that others pass.
const FRESH: Duration = Duration::from_secs(30);

/// How long the program waits for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// How often the same request of several events fails, in a row and in one way, before it is taken apart, if it has failed like this
/// lastly. A plain 403 is only checked for being the key's.
fn failures_before_split(class: FailureClass, last: &LoggedRequest) -> usize {
    let took = last.ended_at.map(|ended| ended - last.sent_at);
    match (class, last.state) {
        (_, RequestState::Lost) if took >= Some(ANSWER_TIMEOUT) => 2,
        (_, RequestState::Answered(403)) => 1,
        (FailureClass::Refusal, _) => 2,
        (FailureClass::Outage, _) => 4,
    }
}

/// True if one of the earlier requests of an event has failed so often, and something else was accepted since it first did, that the
/// program may send its events in other requests.
pub(super) fn was_taken_apart(earlier: &[&LoggedRequest], passes: &[Pass]) -> bool {
    earlier.iter().enumerate().any(|(place, last)| {
        let row = row(&earlier[..=place], &last.body);
        let (Some(first), Some(class)) = (row.first(), last.state.failure()) else {
            return false;
        };
        let is_enough = row.len() >= failures_before_split(class, last);
        is_enough && passes.iter().any(|pass| pass.at >= first.sent_at)
    })
}

/// True if this request of several events has failed so often, and something else was accepted meanwhile, that it must be taken apart.
pub(super) fn fails_while_others_pass(
    earlier: &[&LoggedRequest],
    body: &Bytes,
    passes: &[Pass],
) -> bool {
    let row = row(earlier, body);
    let (Some(first), Some(last)) = (row.first(), row.last()) else {
        return false;
    };
    let (Some(class), Some(ended)) = (last.state.failure(), last.ended_at) else {
        return false;
    };
    let shows = |pass: &Pass| {
        // A check may be one of the source, of which the sender does not learn.
        !pass.is_check && first.sent_at < pass.at && pass.at < ended && ended - pass.at < FRESH
    };
    first.indices.len() > 1
        && last.state != RequestState::Answered(403)
        && row.len() >= failures_before_split(class, last)
        && passes.iter().any(shows)
}

/// The last attempts at a request, which failed in one way.
fn row<'a>(earlier: &[&'a LoggedRequest], body: &Bytes) -> Vec<&'a LoggedRequest> {
    let attempts = earlier.iter().rev().filter(|request| request.body == *body);
    let mut row: Vec<&LoggedRequest> = Vec::new();
    for &attempt in attempts {
        let class = attempt.state.failure();
        let is_other = row.last().is_some_and(|last| last.state.failure() != class);
        if class.is_none() || is_other {
            break;
        }
        row.push(attempt);
    }
    row.reverse();
    row
}
