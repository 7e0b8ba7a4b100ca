//! SIGINT and SIGTERM.

use std::io;

/// Resolves at the first SIGINT or SIGTERM. From then on a second one ends the process at once, as it would have without this.
///
/// # Errors
/// If the operating system does not let signals be heard.
pub fn shutdown() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
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
