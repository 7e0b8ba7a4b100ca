//! SIGINT and SIGTERM.

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
