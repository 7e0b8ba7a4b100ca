//! How many connections the process's limit of open files allows.

use std::io;

/// The descriptors that are not for connections: a quarter of the limit, and this many at least. They are for the files of dead letters,
/// the requests to Coralogix with their lookups of names, the log, the runtime, and whatever else the process does.
const MIN_RESERVE: u64 = 64;

/// The bound of connections: `wanted`, or what the limit of open files leaves.
pub(super) fn connection_bound(wanted: usize) -> usize {
    let Some(limit) = limit() else {
        return wanted;
    };
    let allowed = allowed(limit);
    if allowed < wanted {
        tracing::info!(
            "at most {allowed} connections at a time, not {wanted}: the process may open {limit} files (`ulimit -n`)"
        );
    }
    wanted.min(allowed)
}

/// The connections below a limit. A quarter of it at least: with a limit this low nothing is sure, but something is served.
fn allowed(limit: u64) -> usize {
    let reserve = (limit / 4).max(MIN_RESERVE);
    let allowed = limit.saturating_sub(reserve).max(limit / 4).max(1);
    usize::try_from(allowed).unwrap_or(usize::MAX)
}

/// The soft limit of open files; `None` if there is none.
#[cfg(unix)]
fn limit() -> Option<u64> {
    use rustix::process::{Resource, getrlimit};

    getrlimit(Resource::Nofile).current
}

#[cfg(not(unix))]
fn limit() -> Option<u64> {
    None
}

/// True if descriptors, or the memory for one, have run out.
#[cfg(unix)]
pub(super) fn have_run_out(error: &io::Error) -> bool {
    use rustix::io::Errno;

    let exhausted = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    Errno::from_io_error(error).is_some_and(|errno| exhausted.contains(&errno))
}

#[cfg(not(unix))]
pub(super) fn have_run_out(_error: &io::Error) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_bound_leaves_descriptors_for_everything_else() {
        for (limit, bound) in [
            (0, 1),
            (1, 1),
            (64, 16),
            (128, 64),
            (256, 192),
            (1024, 768),
            (65_536, 49_152),
        ] {
            assert_eq!(allowed(limit), bound, "of {limit}");
        }
    }
}
