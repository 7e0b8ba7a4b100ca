//! SIGINT, SIGTERM and SIGHUP, and SIGXFSZ.

use std::future::poll_fn;
use std::task::Poll;

use okta_coralogix_core::{Error, ErrorKind, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Resolves at the first SIGINT, SIGTERM or SIGHUP. A second one ends the process at once.
///
/// # Errors
/// `Storage` if the operating system does not deliver signals.
pub fn shutdown() -> Result<impl Future<Output = ()>> {
    let mut kinds = vec![SignalKind::interrupt(), SignalKind::terminate()];
    // Whoever has started the program with `nohup` wants it to outlive its terminal.
    if !is_hangup_ignored() {
        kinds.push(SignalKind::hangup());
    }
    stop(&kinds)
}

/// As [`shutdown`], and SIGHUP asks for something else: each is a turn of [`Hangups::next`].
///
/// # Errors
/// As [`shutdown`].
pub fn shutdown_and_hangups() -> Result<(impl Future<Output = ()>, Hangups)> {
    let hangups = Hangups(listen(SignalKind::hangup())?);
    let shutdown = stop(&[SignalKind::interrupt(), SignalKind::terminate()])?;
    Ok((shutdown, hangups))
}

/// The SIGHUPs of the process.
#[derive(Debug)]
pub struct Hangups(Signal);

impl Hangups {
    /// Resolves at the next SIGHUP, or at once if there was one since the last turn; never, if there can be no more.
    pub async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending().await
        }
    }
}

/// Resolves at the first of these signals.
fn stop(kinds: &[SignalKind]) -> Result<impl Future<Output = ()> + use<>> {
    let mut signals = Vec::new();
    for kind in kinds {
        signals.push((kind.as_raw_value(), listen(*kind)?));
    }
    Ok(async move {
        any(&mut signals).await;
        tracing::info!(
            "stopping: events in flight are finished first; a second signal ends at once"
        );
        tokio::spawn(async move {
            let number = any(&mut signals).await;
            // As a shell reports a process that the signal has ended.
            std::process::exit(128 + number)
        });
    })
}

/// The number of the first signal.
async fn any(signals: &mut [(i32, Signal)]) -> i32 {
    poll_fn(|context| {
        for (number, signal) in &mut *signals {
            if let Poll::Ready(Some(())) = signal.poll_recv(context) {
                return Poll::Ready(*number);
            }
        }
        Poll::Pending
    })
    .await
}

fn listen(kind: SignalKind) -> Result<Signal> {
    signal(kind).map_err(|error| {
        let detail = format!("cannot listen for signals: {error}");
        Error::new(ErrorKind::Storage, detail).with_source(error)
    })
}

/// True if SIGHUP was ignored when the program was started, as far as the operating system tells: to be asked before it is listened for.
#[must_use]
pub fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status");
    status.is_ok_and(|status| ignores(&status, SignalKind::hangup()))
}

/// Of the text of `/proc/self/status`.
fn ignores(status: &str, kind: SignalKind) -> bool {
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (kind.as_raw_value() - 1) & 1 == 1)
}

/// A write beyond the limit of file sizes (`ulimit -f`) is an error from now on: the signal for it would end the process with
/// events in flight and no word of it.
pub fn survive_file_size_limit() {
    // Its number, but on MIPS.
    const SIGXFSZ: i32 = 25;
    // The handler stays once it is set. Without it the program is no worse off than before.
    if let Err(error) = signal(SignalKind::from_raw(SIGXFSZ)) {
        tracing::debug!(%error, "SIGXFSZ ends the program");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_read_from_the_mask_of_the_process() {
        let status =
            |mask: &str| format!("Name:\tpull\nSigBlk:\t0000000000000001\nSigIgn:\t{mask}\n");
        let ignores = |mask: &str, kind| ignores(&status(mask), kind);
        assert!(ignores("0000000000000001", SignalKind::hangup()));
        assert!(ignores("0000000000001001", SignalKind::hangup()));
        assert!(!ignores("0000000000001000", SignalKind::hangup()));
        assert!(ignores("0000000000004000", SignalKind::terminate()));
        assert!(!ignores("", SignalKind::hangup()));
    }
}
