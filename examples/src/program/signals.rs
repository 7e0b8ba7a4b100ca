//! SIGINT and SIGTERM.

use okta_coralogix_core::{Error, ErrorKind, Result};

/// Resolves at the first SIGINT or SIGTERM. From then on a second one ends the process at once, as it would have without this.
///
/// # Errors
/// `Storage` if the operating system does not let signals be heard.
pub fn shutdown() -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let hear = |kind| {
        signal(kind).map_err(|error| {
            let detail = format!("signals cannot be heard: {error}");
            Error::new(ErrorKind::Storage, detail).with_source(error)
        })
    };
    let mut interrupt = hear(SignalKind::interrupt())?;
    let mut terminate = hear(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!(
            "stopping: what is in flight is finished first; a second signal ends at once"
        );
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => std::process::exit(130),
                _ = terminate.recv() => std::process::exit(143),
            }
        });
    })
}
