//! Accepting connections, whatever errors the operating system reports.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

use super::connection::Connections;
use super::log_limit::LogLimit;
use super::open_files;

/// Before the next attempt while connections cannot be accepted: they wait in the backlog, and EventBridge waits 5 seconds.
const PAUSE: Duration = Duration::from_millis(50);

/// Where connections come from.
pub(super) trait Listener: Send {
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// # Cancel safety
    /// A connection is taken in the last step, or not at all.
    fn accept(&mut self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    async fn accept(&mut self) -> io::Result<TcpStream> {
        let (stream, _) = Self::accept(self).await?;
        // Responses are small and must not be delayed.
        stream.set_nodelay(true).ok();
        Ok(stream)
    }
}

/// The next connection.
///
/// No error ends the server. After one that is about a single connection, the next is accepted; after any other, as when descriptors have
/// run out, it waits for a moment, and one idle connection gives its descriptor back.
pub(super) async fn accept<L: Listener>(
    listener: &mut L,
    connections: &Connections,
    log_limit: &mut LogLimit,
) -> L::Stream {
    loop {
        let error = match listener.accept().await {
            Ok(stream) => return stream,
            Err(error) => error,
        };
        let has_run_out = open_files::have_run_out(&error);
        if let Some(repeats) = log_limit.admit(Instant::now()) {
            let advice = match has_run_out {
                true => "; raise the limit of open files (`ulimit -n`)",
                false => "",
            };
            tracing::warn!(
                repeats,
                "a connection could not be accepted: {error}{advice}"
            );
        }
        if has_run_out {
            connections.free_descriptor();
        }
        match is_about_one_connection(&error) {
            true => yield_now().await,
            false => sleep(PAUSE).await,
        }
    }
}

/// The client was gone before its connection was accepted, or the call was interrupted.
fn is_about_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}
