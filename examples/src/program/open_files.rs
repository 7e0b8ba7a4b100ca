//! The limit of open files and connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What a program needs beside its orgs.
const OTHERS: u64 = 64;

/// Raises the limit of this process as far as it may. Warns if `needed` descriptors are more than it then has.
pub fn raise_limit(needed: u64) {
    let needed = needed + OTHERS;
    let limit = getrlimit(Resource::Nofile);
    let raise = |to: Option<u64>| {
        let raised = Rlimit {
            current: to,
            maximum: limit.maximum,
        };
        setrlimit(Resource::Nofile, raised).ok().map(|()| raised)
    };
    // Some systems report no maximum and accept none.
    let fallback = Some(needed).filter(|needed| limit.current.is_some_and(|now| now < *needed));
    let raised = raise(limit.maximum).or_else(|| raise(Some(fallback?)));
    let allowed = raised.unwrap_or(limit).current;
    if let Some(allowed) = allowed.filter(|allowed| *allowed < needed) {
        tracing::warn!(
            "{needed} files and connections may be needed at a time, and {allowed} are allowed: raise the limit \
             (`ulimit -n`), or orgs have to wait for one another"
        );
    }
}
