//! SIGINT and SIGTERM, and SIGXFSZ.

use okta_coralogix_core::{Error, ErrorKind, Result};

/// Resolves at the first SIGINT or SIGTERM. A second one ends the process at once.
///
/// # Errors
/// `Storage` if the operating system does not deliver signals.
pub fn shutdown() -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let listen = |kind| {
        signal(kind).map_err(|error| {
            let detail = format!("cannot listen for signals: {error}");
            Error::new(ErrorKind::Storage, detail).with_source(error)
        })
    };
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!(
            "stopping: events in flight are finished first; a second signal ends at once"
        );
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => std::process::exit(130),
                _ = terminate.recv() => std::process::exit(143),
            }
        });
    })
}

/// A write beyond the limit of file sizes (`ulimit -f`) is an error from now on: the signal for it would end the process with
/// events in flight and no word of it.
pub fn survive_file_size_limit() {
    use tokio::signal::unix::{SignalKind, signal};

    // Its number, but on MIPS.
    const SIGXFSZ: i32 = 25;
    // The handler stays once it is set. Without it the program is no worse off than before.
    if let Err(error) = signal(SignalKind::from_raw(SIGXFSZ)) {
        tracing::debug!(%error, "SIGXFSZ ends the program");
    }
}
