//! What healing keeps on the disk: its position, and the window of what was delivered.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use okta_coralogix_core::checkpoint::{FileCheckpoint, StoredWindow};
use okta_coralogix_core::internal::text::seconds;
use okta_coralogix_core::{Error, ErrorKind, Result, SystemClock};
use tokio::time::{sleep, timeout};

use super::settings::{HEAL_AFTER, HealSettings};
use crate::program::args::in_setting;
use crate::program::metrics::Monitor;

/// For as long as Coralogix takes an event, and an hour for clocks that differ: behind that neither route sends it.
const RETENTION: Duration = Duration::from_secs(25 * 3600);

/// How often the window is saved: what was pushed since then may be sent again after a crash.
const SAVE_INTERVAL: Duration = Duration::from_secs(10);

/// How long the last save may take, so that a disk that hangs does not hold the end: as long as the end of a pipeline's source.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// The files, open and locked.
#[derive(Debug)]
pub(super) struct HealFiles {
    pub(super) position: Arc<FileCheckpoint>,
    pub(super) window: StoredWindow,
}

impl HealFiles {
    /// # Errors
    /// `Locked` if another process heals with the same files, `Corrupt` if one of them is of another org, `Storage` if it cannot be
    /// read or written.
    pub(super) async fn open(settings: &HealSettings) -> Result<Self> {
        let open = async |path: &Path| FileCheckpoint::open(path).await;
        let named = in_setting(HEAL_AFTER.about.flag);
        let opened = async {
            let position = open(&settings.position).await?;
            let store = Arc::new(open(&settings.window).await.map_err(about_window)?);
            let owner = settings.window_owner();
            let clock = Arc::new(SystemClock);
            let opened = StoredWindow::open(store, owner, RETENTION, settings.capacity, clock);
            let in_file = in_setting(settings.window.display());
            let window = opened.await.map_err(in_file).map_err(about_window)?;
            Ok(Self {
                position: Arc::new(position),
                window,
            })
        };
        opened.await.map_err(named)
    }

    /// Saves the window every so often, for ever.
    pub(super) async fn keep_saving(&self, monitor: &Monitor) {
        let mut fails = false;
        loop {
            sleep(SAVE_INTERVAL).await;
            let saved = self.window.save().await;
            monitor.window_saved(saved.is_ok());
            match &saved {
                Ok(()) if fails => {
                    tracing::info!("the window of delivered events can be saved again")
                }
                Err(error) if !fails => tracing::warn!(
                    %error,
                    "the window of delivered events could not be saved: after a crash, what was delivered since the last save is sent again"
                ),
                _ => {}
            }
            fails = saved.is_err();
        }
    }

    /// Saves it for the last time, unless the disk takes longer than [`CLOSE_TIMEOUT`].
    pub(super) async fn close(&self) {
        let closed = timeout(CLOSE_TIMEOUT, self.window.close()).await;
        let error = match closed {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error,
            Err(_) => {
                let detail = format!("the disk took more than {}", seconds(CLOSE_TIMEOUT));
                Error::new(ErrorKind::Storage, detail)
            }
        };
        tracing::warn!(
            %error,
            "the window of delivered events could not be saved at the end: what was delivered since the last save may be sent again"
        );
    }
}

/// What becomes of events if a window that is unusable is moved away.
fn about_window(error: Error) -> Error {
    if error.kind() != ErrorKind::Corrupt {
        return error;
    }
    let detail = format!(
        "{}. Without this file healing goes on from its position: what was pushed and is behind it in the log is then sent again, and \
         counted as unverified; nothing is lost",
        error.detail()
    );
    Error::new(ErrorKind::Corrupt, detail).with_source(error)
}
