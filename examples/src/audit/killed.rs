//! A process that is killed, for tests.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use coralogix_sink::simulator::CoralogixSimulator;
use okta_coralogix_core::internal::{Disk, DiskLock, OsDisk};
use okta_coralogix_core::transport::{Body, Transport, TransportError};
use tokio::sync::Notify;

/// Where a process is killed: behind so many steps of the disk and of the sink's network.
#[derive(Debug, Clone, Default)]
pub(super) struct Steps(Arc<(AtomicUsize, Notify)>);

impl Steps {
    pub(super) fn allow(steps: usize) -> Self {
        Self(Arc::new((AtomicUsize::new(steps), Notify::new())))
    }

    /// Resolves once it is killed.
    pub(super) async fn killed(&self) {
        self.0.1.notified().await;
    }

    async fn step(&self) {
        let left = self
            .0
            .0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            });
        if left.is_err() {
            self.0.1.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

/// A disk, or the network to Coralogix, that the kill stops before or behind each of its steps.
#[derive(Debug)]
pub(super) struct Killed<T>(pub(super) T, pub(super) Steps);

macro_rules! killed {
    ($trait:ident, $inner:ident: $($name:ident($($arg:ident: $kind:ty),*) -> $answer:ty;)*) => {
        #[async_trait]
        impl $trait for Killed<$inner> {
            $(async fn $name(&self, $($arg: $kind),*) -> $answer {
                self.1.step().await;
                let answer = self.0.$name($($arg),*).await;
                self.1.step().await;
                answer
            })*
        }
    };
}

killed! { Disk, OsDisk:
    resolve(path: &Path) -> io::Result<PathBuf>;
    read(path: &Path, offset: u64, limit: u64) -> io::Result<Vec<u8>>;
    len(path: &Path) -> io::Result<u64>;
    names(folder: &Path) -> io::Result<Vec<String>>;
    write(path: &Path, bytes: Bytes) -> io::Result<()>;
    append(path: &Path, parts: Vec<Bytes>) -> io::Result<()>;
    rename(from: &Path, to: &Path) -> io::Result<()>;
    remove(path: &Path) -> io::Result<()>;
    sync_folder(folder: &Path) -> io::Result<()>;
    lock(path: &Path, timeout: Duration) -> io::Result<Option<Box<dyn DiskLock>>>;
}

killed! { Transport, CoralogixSimulator:
    call(request: http::Request<Bytes>) -> Result<http::Response<Body>, TransportError>;
}
