//! The limit of open files and connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What a process with many orgs needs for each: the lock of its checkpoint, a connection to Okta, one to Coralogix, a file that is
/// being written.
const PER_ORG: u64 = 4;

/// What it needs beside.
const OTHERS: u64 = 64;

/// Raises the limit of this process as far as it may; to `wanted` where the system accepts no more.
pub fn raise_limit(wanted: u64) {
    let limit = getrlimit(Resource::Nofile);
    let raise = |to: Option<u64>| {
        let raised = Rlimit {
            current: to,
            maximum: limit.maximum,
        };
        setrlimit(Resource::Nofile, raised).is_ok()
    };
    let has_enough = limit.current.is_none_or(|current| current >= wanted);
    // Some systems report no maximum and accept none.
    let is_raised = raise(limit.maximum) || (!has_enough && raise(Some(wanted)));
    tracing::debug!(is_raised, "the limit of open files and connections");
}

/// Raises the limit of this process as far as it may. Warns if so many orgs need more.
pub fn raise_limit_for(orgs: usize) {
    let needed = needed(orgs);
    raise_limit(needed);
    if let Some(allowed) = too_few_for(orgs) {
        tracing::warn!(
            "{orgs} orgs may need {needed} open files and connections, and {allowed} are allowed: they keep no connection \
             open, which costs time and work; raise the limit (`ulimit -n`)"
        );
    }
}

/// The limit of this process; `None`: there is none.
#[must_use]
pub fn limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// The limit of this process, if it is too low for all orgs to keep their connections open.
#[must_use]
pub fn too_few_for(orgs: usize) -> Option<u64> {
    limit().filter(|allowed| *allowed < needed(orgs))
}

/// What a process with so many orgs may need; one without an org, too.
#[must_use]
pub fn needed(orgs: usize) -> u64 {
    orgs as u64 * PER_ORG + OTHERS
}
